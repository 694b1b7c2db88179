"""Where to look when nothing was accepted."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from load_rows import load_row
from rich.console import Console
from run_builder import Build, RunBuilder

from analysis.records import LOAD_SCHEMA, RowWriter
from loadtests import catalogue
from loadtests.runner.diagnosis import why_nothing_was_accepted
from loadtests.runner.interruption import Interruption
from loadtests.runner.part_run import PartRun
from loadtests.runner.progress import Progress
from loadtests.runner.settings import RunSettings
from loadtests.targets import Target

TARGET = Target.model_validate(
    {
        "name": "t",
        "request": {"url": "http://127.0.0.1:1/s?key=hunter2", "body": "{to}{text}"},
        "provider": {"port": 9500},
    }
)


@pytest.fixture
def new_run(tmp_path: Path) -> Build:
    return lambda name: RunBuilder(tmp_path / name)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (
            {("refused", 500): 15, ("refused", 429): 5, ("failed", 0): 10},
            "20 of 30 refused, most often with HTTP 500; see the log of your sender first; then check "
            "that it reaches the mock provider at "
            "http://127.0.0.1:9500",
        ),
        ({("refused", 404): 30}, "30 of 30 refused, most often with HTTP 404; check that [request]"),
        ({("refused", 200): 30}, "30 of 30 refused, most often with HTTP 200; check that [accepted]"),
        ({("failed", 0): 99, ("accepted", 202): 1}, "99 of 100 failed; check that your sender answers at"),
        ({("refused", 500): 19, ("accepted", 202): 1}, None),
        ({}, None),
    ],
)
def test_a_load_of_which_nothing_was_accepted_says_where_to_look(
    outcomes: dict[tuple[str, int], int], expected: str | None, tmp_path: Path
) -> None:
    smoke = catalogue.scenario("smoke")
    progress = Progress(Console(file=io.StringIO()))
    settings = RunSettings(out=tmp_path, seed=1)
    PartRun(smoke, smoke.parts[0], tmp_path, settings, progress, Interruption()).write_manifest(
        "finished", {}
    )
    writer = RowWriter(tmp_path / "load.arrow", LOAD_SCHEMA)
    for (outcome, status), count in outcomes.items():
        for slot in range(count):
            writer.append(load_row(slot, outcome=outcome, status=status))
    writer.close()
    text = why_nothing_was_accepted(tmp_path, TARGET)
    assert (text is None) if expected is None else (text or "").startswith(expected)
    assert "hunter2" not in (text or "")


@pytest.mark.parametrize(
    ("accepts", "reason", "expected"),
    [
        (1, "", "the provider accepted 30 of them: check what your sender answers after a submit"),
        (0, "unauthorized", "the provider refused 30 of them (unauthorized): check what your sender submits"),
    ],
)
def test_a_sender_whose_messages_the_provider_saw_does_reach_it(
    accepts: int, reason: str, expected: str, new_run: Build
) -> None:
    run = new_run("run")
    for slot in range(30):
        run.due(f"m-{slot}", slot / 10, "refused")
        run.seen(
            f"m-{slot}",
            slot / 10,
            accepted=bool(accepts),
            state="delivered" if accepts else "rejected",
            reason=reason,
        )
    assert (why_nothing_was_accepted(run.write(), TARGET) or "").endswith(expected)


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("timed_out", [30, 2])
def test_a_sender_that_is_slower_than_the_limit_gets_the_limit_named(
    seen: bool, timed_out: int, new_run: Build
) -> None:
    """It was to check what it answers after a submit. The load had not waited for the answer."""
    run = new_run("run")
    for slot in range(30):
        error = "timeout" if slot < timed_out else "connection reset"
        run.due(f"m-{slot}", slot / 10, "failed", error=error)
        if seen:
            run.seen(f"m-{slot}", slot / 10, accepted=True)
    text = why_nothing_was_accepted(run.write(), TARGET) or ""
    begin = "30 of 30 had no answer within 30 s (timeout_s in [request] of the target file); "
    assert text.startswith(begin) == (timed_out == 30)
    assert text.endswith("raise this limit if the answer may take longer") == (timed_out == 30)
    assert ("the provider accepted 30 of them" in text) == seen
