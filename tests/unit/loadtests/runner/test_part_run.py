"""How a part ends: aborted, with an error, or with a load that is not whole."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from analysis.records import read_manifest
from loadtests import catalogue
from loadtests.recording import (
    EXIT_WORKER_LOST,
    LoadRecorder,
    LoadStatus,
)
from loadtests.runner import part_run
from loadtests.runner.interruption import Aborted, Interruption
from loadtests.runner.part_run import PartRun
from loadtests.runner.progress import Progress
from loadtests.runner.service_process import ServiceError
from loadtests.runner.settings import RunSettings


@pytest.mark.parametrize("keep_store", [False, True])
def test_an_aborted_run_leaves_no_texts_and_numbers_behind(
    keep_store: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def aborted(*_: object) -> None:
        for name in ("sender.db", "sender.db-wal"):
            (tmp_path / name).write_text("48500100200")
        raise Aborted

    monkeypatch.setattr(part_run, "start_testbed", aborted)
    settings = RunSettings(out=tmp_path, seed=1, keep_store=keep_store)
    smoke = catalogue.scenario("smoke")
    progress = Progress(Console(file=io.StringIO()))
    with pytest.raises(Aborted):
        PartRun(smoke, smoke.parts[0], tmp_path, settings, progress, Interruption()).run()
    assert len(list(tmp_path.glob("sender.db*"))) == (2 if keep_store else 0)
    assert read_manifest(tmp_path).exit_reason == "error: aborted by the user"


def test_an_error_ends_without_punctuation_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise ServiceError("sender", "is not there. Is it?")

    monkeypatch.setattr(part_run, "start_testbed", failing)
    smoke = catalogue.scenario("smoke")
    progress = Progress(Console(file=io.StringIO()))
    settings = RunSettings(out=tmp_path, seed=1)
    manifest = PartRun(smoke, smoke.parts[0], tmp_path, settings, progress, Interruption()).run()
    assert manifest.exit_reason == "error: sender is not there. Is it"


@pytest.mark.parametrize(
    ("asked", "start_ns", "closed", "code", "fault"),
    [
        (True, 5, True, 0, None),
        (True, 5, False, 0, "ended with code 0"),  # a worker has not written all its rows
        (True, 5, True, -9, "ended with signal SIGKILL"),
        (True, 0, False, -15, None),  # interrupted before it began
        (False, 0, False, 0, "ended with code 0"),
        (False, 5, True, EXIT_WORKER_LOST, "lost a worker"),
        (True, 5, False, EXIT_WORKER_LOST, "lost a worker"),
    ],
)
def test_a_load_that_did_not_end_whole_is_an_error_even_where_it_was_interrupted(
    asked: bool, start_ns: int, closed: bool, code: int, fault: str | None, tmp_path: Path
) -> None:
    recorder = LoadRecorder(tmp_path, 0)
    recorder.status(LoadStatus(phase="finished", start_ns=start_ns, closed=closed))
    recorder.close()
    interruption = Interruption()
    if asked:
        interruption.ask()
    smoke = catalogue.scenario("smoke")
    progress = Progress(Console(file=io.StringIO()))
    settings = RunSettings(out=tmp_path, seed=1)
    part = PartRun(smoke, smoke.parts[0], tmp_path, settings, progress, interruption)
    if fault is None:
        part.require_whole(code)
    else:
        with pytest.raises(ServiceError, match=fault):
            part.require_whole(code)
