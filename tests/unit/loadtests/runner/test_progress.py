"""The live figures: whole on every width, and of one instant."""

from __future__ import annotations

import io

import pytest
from nanoseconds import S
from rich.console import Console

from loadtests.recording import LoadStatus, combine
from loadtests.runner.delivered_count import DeliveredCount
from loadtests.runner.load_phase import LoadPhase
from loadtests.runner.progress import Progress, figures_of
from loadtests.runner.queries import ServiceState
from loadtests.runner.sampling import Snapshot

BUSY = Snapshot(
    LoadStatus(due=1_234_567, accepted=1_234_560, offered_per_s=3611, in_flight=2000, lag_p99_ms=1234.5),
    ServiceState(open=54_321),
    ServiceState(gauges={"queue_otp": 98_765}),
    100.0,
    1_200_000,
)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 132, 200])
def test_no_figure_is_cut_on_a_terminal_of_any_width(width: int) -> None:
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    with Progress(console) as progress:
        progress.phase("load", 300.0)
        progress.update(BUSY)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "…" not in shown
    for name, value in figures_of(BUSY):
        assert name in shown and value in shown


def test_refused_and_failed_messages_are_two_figures() -> None:
    load = LoadStatus(phase="running", refused=18, failed=8_235)
    figures = dict(figures_of(Snapshot(load, None, None, 0.0, None)))
    assert (figures["refused"], figures["failed"]) == ("18", "8,235")


def provider(delivered: int) -> ServiceState:
    return ServiceState(counters={"delivered": float(delivered)})


def test_delivered_is_of_the_instant_of_the_load_s_counts() -> None:
    count = DeliveredCount()
    load = LoadStatus(phase="running", accepted=38, start_ns=1 * S, at_ns=5 * S)
    assert count.of(load, 5 * S) is None
    count.answered(1 * S, provider(0))
    count.answered(int(4.8 * S), provider(30))
    count.answered(int(5.7 * S), provider(44))  # the load's counts are older than this answer
    assert count.of(load, int(5.8 * S)) == 30


def test_delivered_still_grows_after_the_load() -> None:
    count = DeliveredCount()
    count.answered(1 * S, provider(0))
    count.answered(9 * S, provider(50))
    finished = LoadStatus(phase="finished", start_ns=1 * S, at_ns=6 * S)
    assert count.of(finished, 9 * S) == 50
    silent = LoadStatus(phase="running", start_ns=1 * S, at_ns=5 * S)  # its process hangs
    assert count.of(silent, 9 * S) == 50


def test_a_second_start_counts_from_its_own_start() -> None:
    count = DeliveredCount()
    count.answered(1 * S, provider(0))
    assert count.of(LoadStatus(phase="finished", start_ns=1 * S, at_ns=20 * S), 21 * S) == 0
    count.answered(30 * S, provider(400))
    count.answered(34 * S, provider(420))
    assert count.of(LoadStatus(phase="running", start_ns=31 * S, at_ns=34 * S), 34 * S) == 20


def test_counts_of_several_workers_are_of_the_oldest() -> None:
    assert combine([LoadStatus(at_ns=7), LoadStatus(at_ns=5)]).at_ns == 5


def test_the_start_and_the_last_answers_are_no_part_of_the_load_s_time() -> None:
    reported: list[tuple[str, float | None]] = []

    class RecordedProgress(Progress):
        def phase(self, name: str, expected_s: float | None = None, ends: str = "") -> None:
            reported.append((name, expected_s))

    phase = LoadPhase(RecordedProgress(Console(file=io.StringIO())), 20.0)
    for name in ("waiting", "running", "running", "answering", "answering", "finished"):
        phase.show_phase(LoadStatus(phase=name))
    assert reported == [("starting the load", None), ("load", 20.0), ("awaiting the last answers", None)]


def test_ctrl_c_ends_the_load_only_while_there_is_one() -> None:
    progress = Progress(Console(file=io.StringIO()))
    assert progress.ends == "the run"
    phase = LoadPhase(progress, 20.0)
    phase.page_opened()
    found = []
    for name in ("waiting", "running", "answering", "finished"):
        phase.show_phase(LoadStatus(phase=name))
        found.append(progress.ends)
    assert found == ["the load", "the load", "the load", "the web UI"]
    progress.phase("drain", 5.0, "the wait for open messages")
    assert progress.ends == "the wait for open messages"
    progress.phase("stopping, saving the records")
    assert progress.ends == "the run"


def test_the_first_figures_after_start_do_not_wait_for_start() -> None:
    """The line was *waiting for Start in the page: offered/s 69*, while the load ran."""
    shown: list[str] = []

    class ShownInPhase(Progress):
        def phase(self, name: str, expected_s: float | None = None, ends: str = "") -> None:
            self.words = name

        def update(self, snapshot: Snapshot) -> None:
            shown.append(f"{self.words}: {snapshot.load.due}")

    phase = LoadPhase(ShownInPhase(Console(file=io.StringIO())), 20.0)
    phase.page_opened()
    waiting, running = LoadStatus(phase="waiting", due=0), LoadStatus(phase="running", due=35)
    for load in (waiting, running, LoadStatus(phase="answering", due=70)):
        phase.update(Snapshot(load=load, provider=None, sender=None, machine_cpu_percent=0.0))
    assert shown == ["waiting for Start in the page: 0", "load: 35", "awaiting the last answers: 70"]


def test_a_load_that_the_page_starts_says_what_it_waits_for() -> None:
    reported: list[tuple[str, float | None]] = []

    class Recorded(Progress):
        def phase(self, name: str, expected_s: float | None = None, ends: str = "") -> None:
            reported.append((name, expected_s))

    phase = LoadPhase(Recorded(Console(file=io.StringIO())), 20.0)
    phase.page_opened()
    for name in ("waiting", "running", "answering", "finished", "waiting", "running"):
        phase.show_phase(LoadStatus(phase=name))
    assert reported == [
        ("starting the load", None),
        ("waiting for Start in the page", None),
        ("load", 20.0),
        ("awaiting the last answers", None),
        ("waiting for Ctrl-C here, or for Start in the page", None),
        ("waiting for Start in the page", None),
        ("load", 20.0),  # the clock begins again
    ]
