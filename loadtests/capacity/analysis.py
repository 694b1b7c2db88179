"""Analyses one trial in a separate process, without a report."""

from __future__ import annotations

import secrets
from pathlib import Path

from analysis.records import AnalysisResult, read_result
from loadtests.runner.child_process import ending_text, run_child

_LOG = Path("logs") / "analysis.log"


def analyse_trial(run_dir: Path) -> tuple[AnalysisResult | None, str]:
    """The result; or None, and the reason."""
    call = secrets.token_hex(8)
    place = run_dir.resolve()
    log = place / _LOG
    log.parent.mkdir(exist_ok=True)
    with log.open("ab") as output:
        code = run_child(
            "analysis",
            [str(place), "--call", call, "--only-result", "--quiet"],
            {},
            stdout=output,
            stderr=output,
            cwd=place,
        )
    result = read_result(place)
    if result is None or result.call != call:  # remove the result of an earlier analysis
        return None, f"the analysis ended with {ending_text(code)} and without a verdict; its log is {log}"
    return result, ""
