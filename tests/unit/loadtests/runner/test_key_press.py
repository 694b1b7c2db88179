"""A key press ends the drain, in a terminal and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.runner.key_press import KeyPress

ROOT = Path(__file__).parents[4]


def test_without_a_terminal_nothing_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "typed").write_text("q\n")
    with (tmp_path / "typed").open() as typed:
        monkeypatch.setattr(sys, "stdin", typed)
        with KeyPress() as key:
            assert not key.possible and not key.pressed()
        assert typed.read() == "q\n"
    monkeypatch.setattr(sys, "stdin", None)
    with KeyPress() as key:
        assert not key.possible and not key.pressed()


_CHILD = """
import fcntl, os, select, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
sys.path.insert(0, sys.argv[1])
from loadtests.runner.key_press import KeyPress
before = termios.tcgetattr(0)
with KeyPress() as key:
    quiet = not termios.tcgetattr(0)[3] & termios.ECHO
    os.write(1, b"ready")
    select.select([0], [], [], 30.0)
    pressed = key.pressed()
os.write(1, repr((pressed, quiet, termios.tcgetattr(0) == before)).encode())
"""


@pytest.mark.parametrize(("typed", "ends"), [("q", True), ("\n", True), ("\r", True), ("x", False)])
def test_in_a_terminal_q_and_enter_count_and_its_settings_come_back(typed: str, ends: bool) -> None:
    terminal, its_end = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(ROOT)],
        stdin=its_end,
        stdout=subprocess.PIPE,
        start_new_session=True,  # so that the terminal can become its controlling one
    )
    os.close(its_end)
    try:
        assert child.stdout is not None
        assert child.stdout.read(5) == b"ready"
        os.write(terminal, typed.encode())
        output, _ = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
        os.close(terminal)
    assert output.decode() == repr((ends, True, True))
