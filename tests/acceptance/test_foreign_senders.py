"""Senders of a user's own with a known fault: it drops messages, delays them, or stops at a refusal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bottleneck_runs import ALL_CLASSES, FAST, named_first, part_of, run_live
from foreign_sender import foreign_sender
from naive_target import free_port, target_file

from analysis.judge.losses import FORWARDS
from analysis.model import PartReport

DELAY_S = 3.0
PER_S = 20.0
ANSWER_S = 0.6


def measured(
    tmp_path: Path, delay_s: float = 0.0, drops: bool = False, refused: str = "", impatient: bool = False
) -> PartReport:
    """20 messages per second for 15 s through that sender. For an impatient one each answer takes 0.6 s."""
    port, provider_port = free_port(), free_port()
    profile = {**FAST, "reply": {"latency": {"kind": "fixed", "value_s": ANSWER_S}}} if impatient else FAST
    part = part_of(tmp_path, PER_S, profile, ALL_CLASSES, lasts_s=15.0)
    file = target_file(tmp_path, port, provider_port)
    with foreign_sender(port, provider_port, delay_s, drops, refused, impatient):
        return run_live(part, tmp_path / "run", file, probe=False)


def test_a_sender_that_drops_every_second_message(tmp_path: Path) -> None:
    report = measured(tmp_path, drops=True)
    named_first(report, tmp_path / "run", "sender_unforwarded")
    counted = report.accounting
    assert abs(2 * counted.unaccounted - counted.accepted) <= 1
    evidence = report.bottlenecks[0].evidence[0]
    assert evidence.startswith(f"{counted.unaccounted} of {counted.accepted} accepted messages")
    (judged,) = [each for each in report.objectives if each.measure == "unaccounted"]
    assert judged.verdict == "missed"


def test_a_sender_that_delays_each_message_by_a_constant_time(tmp_path: Path) -> None:
    report = measured(tmp_path, DELAY_S)
    # Other tests run at the same time, and the report may truly say that they use the cores.
    assert [each.kind for each in report.bottlenecks if each.kind != "machine"] == ["sender_hold"]
    assert report.accounting.unaccounted == 0


def instant(text: str) -> float:
    """The seconds in ``5.7 s after the load's start``."""
    (found,) = re.findall(r"([\d.]+) s after the load's start", text)
    return float(found)


def test_a_sender_whose_workers_repeat_a_refused_message_without_end(tmp_path: Path) -> None:
    report = measured(tmp_path, refused="repeats")
    named_first(report, tmp_path / "run", "sender_repeats")
    found = report.bottlenecks[0]
    assert "repeats 2 messages that the provider refuses permanently (" in found.text
    assert 5.0 < instant(found.text) < 7.0  # number 120 of 20 messages per second
    counted = report.accounting
    assert counted.still_held == counted.unaccounted > 100
    (judged,) = [each for each in report.objectives if each.measure == "unaccounted"]
    assert (judged.verdict, judged.needs) == ("undecided", FORWARDS)


def test_a_sender_whose_workers_end_at_a_refusal(tmp_path: Path) -> None:
    report = measured(tmp_path, refused="ends")
    named_first(report, tmp_path / "run", "sender_unforwarded")
    found = report.bottlenecks[0]
    assert "stopped forwarding messages" in found.text and 5.0 < instant(found.text) < 7.0
    assert "refused its last submit (no valid recipient)" in found.evidence[1]
    assert found.signs == ("stopped_at_refusal",)
    (judged,) = [each for each in report.objectives if each.measure == "unaccounted"]
    assert (judged.verdict, judged.low) == ("missed", float(report.accounting.unaccounted))


def test_a_sender_whose_timeout_is_too_short(tmp_path: Path) -> None:
    report = measured(tmp_path, impatient=True)
    counted, times = report.accounting, report.repeat_times
    assert counted.duplicates == counted.copies == counted.accepted
    # Other tests run at the same time: a worker that is late repeats after the answer has come.
    assert times is not None and times.late >= 0.9 * counted.copies
    assert times.after_s is not None and 0.28 < times.after_s < ANSWER_S
    assert times.longest_s is not None and times.longest_s >= ANSWER_S
    assert report.cost.duplicates_segments == report.cost.segments


pytestmark = pytest.mark.timeout(180)
