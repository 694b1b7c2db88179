"""Provider and sender by themselves, when the terminal that they run in is closed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import with_signals

ROOT = Path(__file__).parents[2]
_COMMANDS = {
    "mock_provider": ["--profile", "fast"],
    "reference_sender": ["--route", "smsapi+http://token@127.0.0.1:9", "--store", "sqlite:///sender.db"],
}


def ignores_hangup(pid: int) -> bool:
    """By the kernel's own list of the signals that a process ignores."""
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        pytest.skip("no list of ignored signals on this system")
    (mask,) = re.findall(r"^SigIgn:\s*([0-9a-f]+)$", status.read_text(), re.MULTILINE)
    return bool(int(mask, 16) >> (signal.SIGHUP - 1) & 1)


@pytest.mark.parametrize("module", _COMMANDS)
@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_terminal_stops_a_service_in_order_except_under_nohup(
    module: str, ignored: bool, tmp_path: Path
) -> None:
    handler = signal.SIG_IGN if ignored else signal.SIG_DFL
    command = [sys.executable, "-m", module, *_COMMANDS[module]]
    process = subprocess.Popen(
        with_signals(handler, [signal.SIGHUP], command),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("{")
        if ignored:
            assert ignores_hangup(process.pid)
        process.send_signal(signal.SIGTERM if ignored else signal.SIGHUP)
        _, log = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, log
    assert log.count("stopping") == 1
