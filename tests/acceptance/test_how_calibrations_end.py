"""``smsbench calibrate`` that is ended, or cannot begin: the files that it leaves, and the exit codes."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest
from calibrations import rows_of
from commands import StartSmsbench


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM], [signal.SIGHUP, signal.SIGHUP]])
def test_interrupted_it_keeps_what_was_measured(
    smsbench: StartSmsbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals: list[signal.Signals]
) -> None:
    out = tmp_path / "c"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    process = smsbench("calibrate", "--only", "windows,throttle", "--quick", "--out", str(out))
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("[2/"):
            break
    for number in signals:  # a terminal that is closed sends two
        process.send_signal(number)
    printed, _ = process.communicate(timeout=60)
    assert "the results so far are kept" in printed
    document, rows = rows_of(out, "throttle")
    assert document["interrupted"] is True
    assert rows
    # Whatever the one measurement found, it is not the calibration's result.
    assert process.returncode == document["exit_code"] == 130
    assert document["summary"].startswith("Incomplete, interrupted after 1 of ")
    assert not list(scratch.iterdir())


def test_a_temporary_folder_that_takes_no_more_is_named_as_the_cause(
    smsbench: StartSmsbench, tmp_path: Path
) -> None:
    out = tmp_path / "c"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The provider's journal fails, as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, before[1]))
    try:
        process = smsbench("calibrate", "--only", "throttle", "--quick", "--out", str(out))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    printed, _ = process.communicate(timeout=60)
    message = next(line for line in printed.splitlines() if line.startswith("smsbench: "))
    assert message.startswith("smsbench: the temporary folder "), printed
    assert "provider failed: the journal: " in message
    assert message.endswith("make room, or set TMPDIR to another folder")
    document, _ = rows_of(out)
    assert process.returncode == document["exit_code"] == 3
    assert document["summary"].startswith("Incomplete, a failure of the temporary folder after 0 of 2 ")


def test_bad_usage(smsbench: StartSmsbench, tmp_path: Path) -> None:
    for arguments, words in (
        (["--only", "speed"], "the groups are latency, throttle, failures, carriers, windows"),
        (["--profile", "nobody"], "neither a ready-made profile"),
    ):
        process = smsbench("calibrate", *arguments, "--out", str(tmp_path / "x"))
        printed, _ = process.communicate(timeout=60)
        assert process.returncode == 2, printed
        assert words in printed
