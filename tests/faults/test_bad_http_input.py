"""Bad input over HTTP: the fuzz of ``benchmarks/fuzz_http.py`` against a provider process, in small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
INPUTS = 1_800


def test_no_input_leads_to_a_5xx_an_undescribed_answer_or_an_error_in_the_log() -> None:
    done = subprocess.run(
        [sys.executable, "benchmarks/fuzz_http.py", "--inputs", str(INPUTS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failures 0" in done.stdout
