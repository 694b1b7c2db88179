"""How long the sender's backlog lasts after an outage, on loads whose backlog is known."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from made_reports import part, report
from nanoseconds import S
from page_reading import disagreements, rendered
from run_builder import Build
from screen_texts import answer_text

from analysis.arrays import Floats
from analysis.findings import FaultBand, OutageBacklog
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.measure.backlog_after_outage import Waits, backlog_after
from analysis.records import RecordedFault
from analysis.report import build_report

END_S = 60.0
# Ten messages per second for a minute. The provider accepts each at once, except in the outage, 20 s to 30 s.
DUE_S = np.arange(0.0, END_S, 0.1) + 0.05
IN_OUTAGE = (DUE_S > 20.0) & (DUE_S < 30.0)


def held(per_s: float) -> Floats:
    """When the provider accepts each message, if those of the outage leave at this rate after it."""
    accepted_s = DUE_S.copy()
    count = int(np.count_nonzero(IN_OUTAGE))
    accepted_s[IN_OUTAGE] = 30.0 + (np.arange(count) + 1) / per_s
    return accepted_s


def test_the_backlog_is_gone_when_the_last_message_of_the_outage_has_left() -> None:
    """100 messages wait at 30 s, and leave in 8 s."""
    found = backlog_after(Waits(DUE_S, held(12.5)), 20.0, 30.0, END_S)
    assert found is not None and found.gone_s == pytest.approx(8.0)
    assert (found.level, found.left, found.watched_s) == (0, 0, 30.0)


def test_the_messages_of_the_outage_count_also_after_a_burst_before_it() -> None:
    """90 messages waited before the outage, more than the 50 that wait at its end."""
    due_s = np.concatenate((np.full(90, 15.0), DUE_S[1::2]))
    accepted_s = np.concatenate((np.full(90, 19.0), held(12.5)[1::2]))
    found = backlog_after(Waits(due_s, accepted_s), 20.0, 30.0, END_S)
    assert found is not None
    assert found.level == 90 and found.gone_s == pytest.approx(8.0)


def test_a_queue_that_newer_messages_fill_is_not_gone() -> None:
    """Each message from the outage's begin on waits 10 s; before it at most 40 waited."""
    due_s = np.concatenate((np.full(90, 1.0), np.full(40, 12.0), DUE_S))
    accepted_s = np.concatenate(
        (np.full(90, 9.0), np.full(40, 13.0), np.where(DUE_S < 20.0, DUE_S, DUE_S + 10.0))
    )
    found = backlog_after(Waits(due_s, accepted_s), 20.0, 30.0, 80.0)
    assert found is not None and found.level == 40
    # 10/s, so that 100 wait until the last one is due at 59.95 s; 40 are left 6 s later.
    assert found.gone_s == pytest.approx(36.0, abs=0.1)


def test_a_backlog_that_is_not_gone_says_what_is_left() -> None:
    """At three a second 90 of the 100 have left at 60 s."""
    found = backlog_after(Waits(DUE_S, held(3.0)), 20.0, 30.0, END_S)
    assert found == OutageBacklog(level=0, gone_s=None, left=10, watched_s=30.0)


def test_messages_that_never_left_wait_until_the_end() -> None:
    accepted_s = held(50.0)
    accepted_s[np.flatnonzero(IN_OUTAGE)[-7:]] = np.inf
    found = backlog_after(Waits(DUE_S, accepted_s), 20.0, 30.0, END_S)
    assert found == OutageBacklog(level=0, gone_s=None, left=7, watched_s=30.0)


def test_an_outage_without_a_backlog_leaves_none() -> None:
    found = backlog_after(Waits(DUE_S, DUE_S), 20.0, 30.0, END_S)
    assert found is not None and found.gone_s == 0.0


def test_a_backlog_that_meets_the_next_outage_is_not_told_from_its_own() -> None:
    lasts_8_s = Waits(DUE_S, held(12.5))
    assert backlog_after(lasts_8_s, 20.0, 30.0, END_S, 35.0) is None
    gone_before = backlog_after(lasts_8_s, 20.0, 30.0, END_S, 40.0)
    assert gone_before is not None and gone_before.gone_s == pytest.approx(8.0)
    assert gone_before.watched_s == 10.0


@pytest.mark.parametrize(("from_s", "to_s"), [(70.0, 80.0), (-20.0, -15.0), (0.0, 10.0), (50.0, 60.0)])
def test_without_time_before_and_after_it_is_unknown(from_s: float, to_s: float) -> None:
    assert backlog_after(Waits(DUE_S, DUE_S), from_s, to_s, END_S) is None


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
            "outage's end, when the run ended.",
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


def test_the_rows_show_it_and_coarse_samples_do_not_hide_it(new_run: Build) -> None:
    """A sample every 6 s, as in a simulated part: none of them falls between the outage's end and the drain.

    The messages of the outage leave within 5 s. A message that the sender gave up does not wait.
    """
    run = new_run("run")
    for place, due_s in enumerate(DUE_S.tolist()):
        late_s = float(held(20.0)[place] - due_s)
        run.journey(f"m-{place}", due_s, late_s + 2.0, api_s=late_s)
    run.due("gone", 25.0)
    run.kept("gone", "failed", "gave_up: no answer")
    for second in (6.0, 12.0, 18.0, 24.0, 30.0, 36.0, 42.0, 48.0, 54.0):
        run.sample(second, "sender", "queue_otp", {24.0: 40.0, 30.0: 100.0}.get(second, 0.0))
    start_ns = 7_000 * S
    outage = RecordedFault("outage", "outage", "no answers", start_ns + 20 * S, start_ns + 30 * S + 5)
    slow = RecordedFault("slow", "added_latency", "slow answers", start_ns + 20 * S, start_ns + 30 * S)
    made = build_report(run.write(end_s=120.0, faults=(outage, slow)))
    first, second_band = made.parts[0].faults
    assert first.backlog is not None and first.backlog.gone_s == pytest.approx(5.0, abs=1e-6)
    assert second_band.backlog is None
    assert "Backlog gone 5.00 s after the end of the outage." in answer_text(made, "wrong")


def test_without_the_provider_s_rows_it_is_unknown(new_run: Build) -> None:
    run = new_run("run")
    for place, due_s in enumerate(DUE_S.tolist()):
        run.due(f"m-{place}", due_s)
    start_ns = 7_000 * S
    outage = RecordedFault("outage", "outage", "no answers", start_ns + 20 * S, start_ns + 30 * S)
    made = build_report(run.write(end_s=120.0, provider_file=False, faults=(outage,)))
    assert made.parts[0].faults[0].backlog is None
