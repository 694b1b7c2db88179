"""A small run of the SMPP fuzz against a live provider."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parents[2] / "benchmarks" / "fuzz_smpp.py"


def test_bad_pdus_get_what_the_protocol_says_and_disturb_nobody() -> None:
    run = subprocess.run(
        [sys.executable, str(FUZZ), "--pdus", "8000", "--seed", "3"],
        cwd=FUZZ.parents[1],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "failures 0" in run.stdout
    inputs = re.search(r"inputs +([0-9,]+) PDUs", run.stdout)
    assert inputs is not None
    assert int(inputs.group(1).replace(",", "")) >= 8_000
