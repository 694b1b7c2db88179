"""The processes that tests start can be interrupted, also if the tests run in the background of a script."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_ENDS_WHEN_INTERRUPTED = "import signal; signal.raise_signal(signal.SIGINT); print('still there')"


def test_a_process_that_a_test_starts_ends_when_it_is_interrupted() -> None:
    done = subprocess.run([sys.executable, "-c", _ENDS_WHEN_INTERRUPTED], capture_output=True, timeout=90)
    assert (done.returncode, done.stdout) == (-signal.SIGINT, b"")


def test_so_it_does_if_the_tests_ignore_interrupts_at_their_start() -> None:
    name = test_a_process_that_a_test_starts_ends_when_it_is_interrupted.__name__
    ignored = f"trap '' INT; exec {sys.executable} -m pytest -q -p no:cacheprovider {__file__}::{name}"
    done = subprocess.run(["sh", "-c", ignored], cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout
