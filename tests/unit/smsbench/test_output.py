"""Output that cannot be written, in whole or at all, does not end a command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smsbench.output import ForgivingFile

ROOT = Path(__file__).parents[3]
_SAYS = """
import sys
from smsbench.output import replace_output
replace_output()
for _ in range(3):
    print("at most \\u2264 0.1 %", flush=True)
    print("warned \\u2264", file=sys.stderr, flush=True)
open("done", "w").close()
raise SystemExit(7)
"""


def run_print(
    where: Path, environment: dict[str, str], **streams: int | None
) -> subprocess.CompletedProcess[bytes]:
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        [sys.executable, "-c", _SAYS],
        cwd=where,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | environment,
        timeout=30,
        **streams,  # type: ignore[call-overload]
    )
    return done


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict"])
def test_a_character_that_the_output_cannot_express_is_replaced(encoding: str, tmp_path: Path) -> None:
    done = run_print(tmp_path, {"PYTHONIOENCODING": encoding}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (7, b"at most ? 0.1 %\n" * 3)
    assert done.stderr == b"warned \\u2264\n" * 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
def test_a_full_disk_behind_the_output_changes_nothing(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        assert run_print(tmp_path, {}, stdout=full, stderr=full).returncode == 7
    finally:
        os.close(full)
    assert (tmp_path / "done").is_file()


def test_a_reader_that_has_gone_away_changes_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert run_print(tmp_path, {}, stdout=writing, stderr=writing).returncode == 7
    finally:
        os.close(writing)
    assert (tmp_path / "done").is_file()


def test_outputs_that_were_closed_from_the_start_change_nothing(tmp_path: Path) -> None:
    command = f'exec "{sys.executable}" -c "$SAYS" >&- 2>&- <&-'
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SAYS": _SAYS}
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, timeout=30)
    assert done.returncode == 7
    assert (tmp_path / "done").read_bytes() == b""  # no output went where a standard one had been


def test_a_pipe_that_another_program_made_non_blocking_is_waited_for() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(reading, "rb") as reader:
        while True:  # fill it
            try:
                os.write(writing, b"x" * 4096)
            except BlockingIOError:
                break
        script = f"import os; from smsbench.output import ForgivingFile as F; F({writing}).write(b'last')"
        process = subprocess.Popen(
            [sys.executable, "-c", script], pass_fds=[writing], env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        os.close(writing)
        everything = reader.read()
        assert process.wait(30) == 0
    assert everything.endswith(b"last")


def test_output_that_was_lost_once_is_not_tried_again() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    file = ForgivingFile(writing)
    assert file.write(b"first") == 5
    os.close(writing)
    other = os.open(os.devnull, os.O_WRONLY)  # may have the same number now
    try:
        assert file.write(b"second") == 6
    finally:
        os.close(other)
