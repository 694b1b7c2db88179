"""A child, and what it forks, ends when its parent does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from smsbench import own_modules

ROOT = Path(__file__).parents[3]
_FORKS = """
import os, signal, sys, time
def ended(number, frame):
    os.write(1, b"ended in order\\n")
    os._exit(0)
signal.signal(signal.SIGTERM, ended)
os.fork()
os.write(1, b"ready\\n")
while True:
    time.sleep(0.05)  # signal.pause would miss a signal that comes just before it
"""


@pytest.mark.parametrize("monkey_patched", [False, True])
def test_a_child_and_its_fork_end_in_order_when_the_pipe_is_closed(
    monkey_patched: bool, tmp_path: Path
) -> None:
    patch = "from gevent import monkey; monkey.patch_all()\n" if monkey_patched else ""
    (tmp_path / "forks.py").write_text(patch + _FORKS)
    watched, held = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-P", own_modules.__file__, "forks"],
        stdout=subprocess.PIPE,
        pass_fds=[watched],
        env={
            "PATH": os.environ["PATH"],
            own_modules.LATER_PATH: str(tmp_path),
            own_modules.LIFELINE: str(watched),
        },
        start_new_session=True,
    )
    os.close(watched)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() + process.stdout.readline() == b"ready\nready\n"
        os.close(held)
        assert process.stdout.read() == b"ended in order\n" * 2  # the end of the file: both are gone
        assert process.wait(30) == 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
