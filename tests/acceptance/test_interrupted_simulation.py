"""``smsbench simulate`` that the user ends: its verdict is of a part, and its exit code says so."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from commands import StartSmsbench
from waiting import eventually

from analysis.records import read_manifest


def test_an_interrupted_simulation_is_not_a_held_one(smsbench: StartSmsbench, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = smsbench("simulate", "day-500k", "--no-charts", "--out", str(out))
    rows = out / "load.arrow"
    eventually(lambda: rows.is_file() and rows.stat().st_size > 100_000, 60.0)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert read_manifest(out).exit_reason == "interrupted", output
    assert process.returncode == 130, output
    assert "INCOMPLETE. SIMULATED. Interrupted after" in output
    summary = json.loads((out / "report" / "summary.json").read_text(encoding="utf-8"))
    assert summary["exit_code"] == 130
    # A report that is drawn again later is not more complete.
    again = smsbench("report", str(out), "--no-charts")
    output, _ = again.communicate(timeout=120)
    assert again.returncode == 130, output
