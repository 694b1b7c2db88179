"""The runner's parts: recording, draining, start shares, services, interruption, verdict."""

from __future__ import annotations

import io
import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from rich.console import Console

from analysis.records import LOAD_SCHEMA, RowWriter, read_manifest, read_rows
from loadtests import catalogue
from loadtests.arrivals import Constant, Plan, Stream
from loadtests.recording import (
    EXIT_WORKER_LOST,
    LoadRecorder,
    LoadRow,
    LoadStatus,
    combine,
    join_rows,
    read_status,
)
from loadtests.runner import part_run
from loadtests.runner.due import arrivals_due
from loadtests.runner.interruption import Aborted, Interruption
from loadtests.runner.outcomes import why_nothing_was_accepted
from loadtests.runner.part_run import PartRun
from loadtests.runner.progress import Progress
from loadtests.runner.provider_profile import ProfileChoice
from loadtests.runner.reporting import report, verdict
from loadtests.runner.service import Service, ServiceError
from loadtests.runner.settings import RunSettings
from loadtests.targets import Target
from loadtests.users import start
from loadtests.users.tab import rows


def a_row(slot: int, worker: int) -> LoadRow:
    return (f"t-{slot}", "otp", "", worker, slot, slot + 1, slot + 2, "accepted", 202)


def test_workers_rows_and_statuses_become_the_loads(tmp_path: Path) -> None:
    for worker in (0, 1):
        recorder = LoadRecorder(tmp_path, worker)
        for slot in range(worker, 10, 2):
            recorder.row(a_row(slot, worker))
        recorder.status(LoadStatus(phase="running", due=5, sent=5, start_ns=100 + worker, end_ns=worker))
        recorder.flush()
        if worker == 1:  # the other one is killed before it can close: what was flushed stays
            recorder.close()
            recorder.status(LoadStatus(phase="finished", due=5, sent=4, dropped=1, start_ns=101, closed=True))
    status = read_status(tmp_path)
    assert (status.phase, status.due, status.sent, status.dropped) == ("running", 10, 9, 1)
    assert (status.start_ns, status.closed) == (100, False)
    assert join_rows(tmp_path) == 10
    table = read_rows(tmp_path / "load.arrow", LOAD_SCHEMA)
    assert sorted(table.column("t_intended_ns").to_pylist()) == list(range(10))
    assert not list(tmp_path.glob("load-*.arrow"))


def test_the_tab_has_a_row_a_worker_and_one_for_all() -> None:
    statuses = {1: LoadStatus(due=2, lag_p99_ms=1.26), 0: LoadStatus(due=3, lag_p99_ms=0.5)}
    shown = rows(statuses)
    assert [(row["name"], row["due"], row["lag_p99_ms"]) for row in shown] == [
        ("worker 0", 3, 0.5),
        ("worker 1", 2, 1.3),
        ("all", 5, 1.3),
    ]
    assert combine(statuses.values()).due == 5


def test_workers_get_one_start_and_a_share_each() -> None:
    options = SimpleNamespace()
    with pytest.raises(LookupError):
        start.announced_start(options, "a")
    start.announce(options, ["a", "b"])
    first, second = (start.announced_start(options, name) for name in ("a", "b"))
    assert first.start_ns == second.start_ns
    assert [(item.worker, item.workers) for item in (first, second)] == [(0, 2), (1, 2)]
    with pytest.raises(LookupError, match="no share"):
        start.announced_start(options, "c")


def test_the_route_keeps_to_the_providers_limits() -> None:
    profile = ProfileChoice(
        "p",
        "p",
        {"throttle": {"requests": {"rate_per_s": 100.0, "burst": 100}, "segments": None}},
    )
    assert profile.route_options() == "requests_per_s=100.0&requests_burst=50"
    assert ProfileChoice("p", "p", {}).route_options() == ""


def test_a_service_that_does_not_start_says_where_to_look(tmp_path: Path) -> None:
    service = Service("sender", "no_such_module_anywhere", [], tmp_path)
    service.start({})
    with pytest.raises(ServiceError, match=r"(?s)sender ended with code 1 .*sender\.log.*No module named"):
        service.wait_ready()
    service.stop()


def test_a_service_that_prints_something_else_is_not_taken_for_ready(tmp_path: Path) -> None:
    service = Service("zen", "this", [], tmp_path)
    service.start({})
    with pytest.raises(ServiceError, match="something else than its ready line"):
        service.wait_ready()
    service.stop()


def test_ctrl_c_once_asks_and_twice_aborts() -> None:
    before = signal.getsignal(signal.SIGINT)
    acknowledged = threading.Event()
    with Interruption(acknowledged.set) as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        interruption.pause(60.0)  # ends at once: it has been asked
        assert acknowledged.wait(5.0)
        assert interruption.asked
        with pytest.raises(Aborted):
            os.kill(os.getpid(), signal.SIGINT)
            interruption.pause(60.0)
    assert signal.getsignal(signal.SIGINT) is before


def test_what_was_asked_can_be_done_and_forgotten() -> None:
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGTERM)
        interruption.pause(60.0)
        interruption.forget()
        assert not interruption.asked


def test_what_a_load_owed_is_the_plans_word_not_the_workers() -> None:
    plan = Plan(streams=(Stream(Constant(10.0, 10.0)),), seed=1, key_tag="t")  # one every 100 ms

    def ended(after_ms: int, due: int = 0) -> LoadStatus:
        return LoadStatus(phase="finished", start_ns=1, end_ns=1 + after_ms * 1_000_000, due=due)

    assert arrivals_due(plan, {}, 1, played_out=False) == 0
    # A worker that says it is finished after 5 s of a load that nobody stopped left out the rest.
    assert arrivals_due(plan, {0: ended(5_000, due=51)}, 1, played_out=True) == 100
    # Stopped: what was due at that instant counts, what the worker counted does not.
    assert arrivals_due(plan, {0: ended(5_000, due=7)}, 1, played_out=False) == 51
    assert arrivals_due(plan, {0: ended(4_999, due=7)}, 1, played_out=False) == 50
    # Two workers stopped apart: slots 0, 200 .. 1,000 ms of the one, 100, 300 .. 1,100 ms of the other.
    assert arrivals_due(plan, {0: ended(1_050), 1: ended(1_150)}, 2, played_out=False) == 12
    assert arrivals_due(plan, {0: ended(1_050), 1: ended(1_050)}, 2, played_out=False) == 11
    # A dead worker owes its share up to the load's end, and so does one that never wrote a word.
    dead = msgspec.structs.replace(ended(300), phase="running")
    assert arrivals_due(plan, {0: ended(2_050), 1: dead}, 2, played_out=False) == 21
    assert arrivals_due(plan, {0: ended(2_050)}, 2, played_out=False) == 21


def test_the_terminal_shows_all_answers_and_no_table() -> None:
    answers = "\n\n".join(f"**Question {number}?** yes\n\n- a line" for number in range(30))
    tables = "## Objectives\n\n| objective | limit |\n| --- | --- |\n\n## Ladder\n\n*none*\n"
    assert verdict(f"# Title\n\n**Good enough.**\n\n{answers}\n\n{tables}") == (
        f"# Title\n\n**Good enough.**\n\n{answers}"
    )


def test_an_old_verdict_is_not_shown_where_the_analysis_failed(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "summary.md").write_text("# Old\n\n**Good enough.**\n")
    (tmp_path / "run.json").write_text("not JSON")
    shown = io.StringIO()
    assert report(tmp_path, Console(file=shown)) == 2
    assert "error: " in shown.getvalue() and "Good enough" not in shown.getvalue()


@pytest.mark.parametrize("keep_store", [False, True])
def test_an_aborted_run_leaves_no_texts_and_numbers_behind(
    keep_store: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def aborted(*_: object) -> None:
        for name in ("sender.db", "sender.db-wal"):
            (tmp_path / name).write_text("48500100200")
        raise Aborted

    monkeypatch.setattr(part_run, "start_surroundings", aborted)
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

    monkeypatch.setattr(part_run, "start_surroundings", failing)
    smoke = catalogue.scenario("smoke")
    progress = Progress(Console(file=io.StringIO()))
    settings = RunSettings(out=tmp_path, seed=1)
    manifest = PartRun(smoke, smoke.parts[0], tmp_path, settings, progress, Interruption()).run()
    assert manifest.exit_reason == "error: sender is not there. Is it"


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (
            {("refused", 500): 15, ("refused", 429): 5, ("failed", 0): 10},
            "20 of 30 refused, most often with HTTP 500; does your sender reach the mock provider at "
            "http://127.0.0.1:9500?",
        ),
        ({("refused", 404): 30}, "30 of 30 refused, most often with HTTP 404; is [request]"),
        ({("refused", 200): 30}, "30 of 30 refused, most often with HTTP 200; does [accepted]"),
        ({("failed", 0): 99, ("accepted", 202): 1}, "99 of 100 failed; does your sender still answer at"),
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
    PartRun(smoke, smoke.parts[0], tmp_path, settings, progress, Interruption())._write_manifest(
        "finished", {}
    )
    writer = RowWriter(tmp_path / "load.arrow", LOAD_SCHEMA)
    for (outcome, status), count in outcomes.items():
        for slot in range(count):
            writer.append((*a_row(slot, 0)[:7], outcome, status))
    writer.close()
    target = Target.model_validate(
        {
            "name": "t",
            "request": {"url": "http://127.0.0.1:1/s?key=hunter2", "body": "{to}{text}"},
            "provider": {"port": 9500},
        }
    )
    said = why_nothing_was_accepted(tmp_path, target)
    assert (said is None) if expected is None else (said or "").startswith(expected)
    assert "hunter2" not in (said or "")


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
        interruption._asked.set()
    smoke = catalogue.scenario("smoke")
    progress = Progress(Console(file=io.StringIO()))
    settings = RunSettings(out=tmp_path, seed=1)
    part = PartRun(smoke, smoke.parts[0], tmp_path, settings, progress, interruption)
    if fault is None:
        part._require_whole(code)
    else:
        with pytest.raises(ServiceError, match=fault):
            part._require_whole(code)
