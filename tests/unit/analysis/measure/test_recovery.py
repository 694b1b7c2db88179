"""How long the sender's backlog lasts after an outage, on queues whose length is known."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from made_reports import part, report
from nanoseconds import S
from page_reading import disagreements, rendered
from run_builder import Build
from screen_words import answer_text

from analysis.arrays import Floats
from analysis.findings import FaultBand, OutageBacklog
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.measure.recovery import backlog_after, queued
from analysis.read.journeys import Samples
from analysis.records import RecordedFault
from analysis.report import build_report

SECONDS = np.arange(60.0)


def queue(*pieces: tuple[float, float]) -> Floats:
    """One value a second: linear between these (second, messages)."""
    at_s, messages = zip(*pieces, strict=True)
    found: Floats = np.interp(SECONDS, at_s, messages)
    return found


def test_the_backlog_is_gone_when_the_queue_is_back_at_its_level() -> None:
    """2 messages before the outage of 20 s to 30 s, 300 at its end, 2 again at 42 s."""
    messages = queue((0, 2), (20, 2), (30, 300), (42, 2), (59, 2))
    found = backlog_after(SECONDS, messages, 20.0, 30.0)
    assert found == OutageBacklog(level=2, gone_s=12.0, left=2, watched_s=29.0)


def test_the_level_is_the_highest_of_the_ten_seconds_before() -> None:
    messages = queue((0, 900), (9, 900), (10, 5), (15, 50), (20, 5), (30, 305), (42, 5), (59, 5))
    found = backlog_after(SECONDS, messages, 20.0, 30.0)
    assert found is not None
    assert (found.level, found.gone_s) == (50, 11.0)  # 55 at 40 s, 30 at 41 s


def test_a_backlog_that_is_not_gone_says_what_is_left() -> None:
    messages = queue((0, 0), (20, 0), (30, 300), (59, 10))
    found = backlog_after(SECONDS, messages, 20.0, 30.0)
    assert found == OutageBacklog(level=0, gone_s=None, left=10, watched_s=29.0)


def test_an_outage_without_a_backlog_leaves_none() -> None:
    """The first sample after its end is up to a second later, and that is no time of a backlog."""
    found = backlog_after(SECONDS, queue((0, 3), (59, 3)), 20.2, 30.4)
    assert found is not None and found.gone_s == 0.0


def test_a_backlog_that_meets_the_next_outage_is_not_told_from_its_own() -> None:
    messages = queue((0, 0), (20, 0), (30, 300), (35, 250), (45, 700), (50, 0), (59, 0))
    assert backlog_after(SECONDS, messages, 20.0, 30.0, 35.0) is None
    second = backlog_after(SECONDS, messages, 35.0, 45.0)
    assert second is not None and (second.level, second.gone_s) == (300, 3.0)
    gone_before = backlog_after(SECONDS, messages, 0.0, 10.0, 20.0)
    assert gone_before is not None and gone_before.gone_s == 0.0


@pytest.mark.parametrize(("from_s", "to_s"), [(70.0, 80.0), (-20.0, -15.0), (50.0, 60.0)])
def test_without_samples_before_and_after_it_is_unknown(from_s: float, to_s: float) -> None:
    assert backlog_after(SECONDS, queue((0, 0), (59, 0)), from_s, to_s) is None


def test_the_queues_of_all_classes_and_processes_are_added() -> None:
    """They are sampled one after the other. Other gauges, and those of the provider, do not count."""
    rows = [
        (1.0, "sender", "queue_otp", 1.0),
        (1.1, "sender-2", "queue_marketing", 10.0),
        (2.0, "sender", "queue_otp", 2.0),
        (2.1, "sender-2", "queue_marketing", 20.0),
        (2.0, "sender", "in_flight", 500.0),
        (2.0, "provider", "queue_otp", 500.0),
    ]
    at_s, process, name, value = zip(*reversed(rows), strict=True)
    instants, total = queued(Samples(np.array(at_s), process, name, np.array(value)))
    assert instants.tolist() == [1.0, 1.1, 2.0, 2.1]
    assert total.tolist() == [1.0, 11.0, 12.0, 22.0]


OUTAGE = FaultBand(name="outage", kind="outage", title="outage", from_s=5.0, to_s=9.0, messages=7)
GONE = OutageBacklog(level=0, gone_s=41.0, left=0, watched_s=90.0)
NOT_GONE = OutageBacklog(level=0, gone_s=None, left=1_200, watched_s=30.0)
NONE_LEFT = OutageBacklog(level=3, gone_s=0.0, left=0, watched_s=90.0)


@pytest.mark.parametrize(
    ("backlogs", "said"),
    [
        ((GONE,), "Backlog gone 41.0 s after the end of the outage."),
        ((GONE, NONE_LEFT), "Backlog gone 41.0 s after the end of the outage."),
        ((NONE_LEFT,), "The outage left no backlog in the sender."),
        (
            (GONE, NOT_GONE),
            "The backlog of the outage was not gone: 1,200 messages waited in the sender 30.0 s after the "
            "outage's end, at the last sample of its queue.",
        ),
        ((None,), ""),
    ],
)
def test_the_page_says_how_long_the_backlog_lasted(
    backlogs: tuple[OutageBacklog | None, ...], said: str, tmp_path: Path
) -> None:
    bands = tuple(msgspec.structs.replace(OUTAGE, backlog=each) for each in backlogs)
    made = msgspec.structs.replace(report(part(faults=bands)), faults_injected=True)
    text = answer_text(made, "wrong")
    assert said in text and text.lower().count("backlog") == (said != "")
    assert contradictions(first_screen(made), made) == ()
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []


def test_the_samples_of_a_run_show_it(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(60):
        run.journey(f"m-{slot}", float(slot), 2.0)
    for second, messages in enumerate(queue((0, 2), (20, 2), (30, 300), (42, 2), (59, 2)).tolist()):
        run.sample(float(second), "sender", "queue_otp", messages)
    start_ns = 7_000 * S
    outage = RecordedFault("outage", "outage", "no answers", start_ns + 20 * S, start_ns + 30 * S)
    slow = RecordedFault("slow", "added_latency", "slow answers", start_ns + 20 * S, start_ns + 30 * S)
    made = build_report(run.write(faults=(outage, slow)))
    first, second_band = made.parts[0].faults
    assert first.backlog is not None and first.backlog.gone_s == pytest.approx(12.0)
    assert second_band.backlog is None
    assert "Backlog gone 12.0 s after the end of the outage." in answer_text(made, "wrong")
