"""The stages of a message (docs/report.md), and whether its timestamps are in order.

generator lag + sender API + sender queue + provider + carrier queue + radio = delivery time, exactly, for
every message that has all timestamps. The sender queue ends with the submit that the provider accepted, so it
includes refusals and the pauses after them. Messages that waited for their phone are counted separately
(their radio stage could be hours).

If a timestamp in between is missing (the reply was lost, or the journal lacks it), the two stages around it
are merged. Such messages have separate breakdowns, so that the means of a breakdown cover the same messages.

Two stages may be negative; otherwise the sum would be wrong. The sender may submit before its reply to the
load is read (sender queue), and the carrier may accept a message before the provider's reply has left
(carrier queue). ``report`` comes after the delivery: from the handset to the acknowledged report.
"""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.classes import ALL
from analysis.measure.outcomes import DELIVERED, MessageOutcomes
from analysis.measure.percentiles import ranks
from analysis.quantile import needed
from analysis.read.journeys import Journeys
from analysis.stage_times import StageBreakdown, StageCoverage, StageTimes, TimestampOrder

DELIVERY_STAGES = ("generator lag", "sender API", "sender queue", "provider", "carrier queue", "radio")
REPORT_STAGE = "report"
# Between provider and carrier queue, in a run with messages that the sender scheduled at the provider.
SCHEDULED_STAGE = "until the time that the sender set"
# A timer may fire early by this much.
EARLY_TOLERANCE_S = 0.001
_EXAMPLES = 4


def delivery_timestamps(journeys: Journeys) -> list[Floats]:
    """The instants between which ``DELIVERY_STAGES`` lie, one more than there are stages."""
    load, provider = journeys.load, journeys.provider
    return [
        load.intended_s,
        load.sent_s,
        load.replied_s,
        provider.forwarded_s,
        provider.answered_s,
        provider.carrier_s,
        provider.final_s,
    ]


def _covered(journeys: Journeys, outcomes: MessageOutcomes) -> Bools:
    """Messages that the stages cover: delivered to a reachable phone."""
    chosen: Bools = (outcomes.outcome == DELIVERED) & ~journeys.provider.unreachable
    return chosen


def breakdowns(journeys: Journeys, outcomes: MessageOutcomes) -> tuple[tuple[StageBreakdown, ...], ...]:
    """One group for each set of timestamps of delivered messages, the complete set first.

    A group has one breakdown per class with messages, then one for all if there are several classes.
    """
    stages, timestamps = list(DELIVERY_STAGES), delivery_timestamps(journeys)
    if np.isfinite(journeys.provider.scheduled_s).any():
        at = stages.index("carrier queue")
        stages.insert(at, SCHEDULED_STAGE)
        timestamps.insert(at + 1, timestamps[at] + journeys.provider.scheduled_wait_s(journeys.end_s))
    present = np.array([np.isfinite(timestamp) for timestamp in timestamps])
    # Without its first and last timestamp a message has no delivery time.
    chosen: Bools = _covered(journeys, outcomes) & present[0] & present[-1]
    patterns, counts = np.unique(present[:, chosen], axis=1, return_counts=True)
    order = sorted(range(len(counts)), key=lambda i: (not patterns[:, i].all(), -int(counts[i])))
    groups = []
    for pattern in (patterns[:, i] for i in order):
        among: Bools = chosen & (present == pattern[:, None]).all(axis=0)
        kept = [timestamp for timestamp, there in zip(timestamps, pattern, strict=True) if there]
        groups.append(_of_each_class(journeys, _names(stages, pattern), kept, among))
    return tuple(groups)


def coverage(
    journeys: Journeys, outcomes: MessageOutcomes, groups: tuple[tuple[StageBreakdown, ...], ...]
) -> tuple[StageCoverage, ...]:
    """For each class with delivered messages: how many are in each breakdown, and in none."""
    found = []
    for name in journeys.load.class_names:
        of_class = journeys.of_class(name)
        delivered = int(np.count_nonzero(of_class & (outcomes.outcome == DELIVERED)))
        reachable = int(np.count_nonzero(of_class & _covered(journeys, outcomes)))
        in_group = [next((each.count for each in group if each.message_class == name), 0) for group in groups]
        if delivered:
            found.append(
                StageCoverage(
                    message_class=name,
                    delivered=delivered,
                    covered=in_group[0] if groups else 0,
                    elsewhere=sum(in_group[1:]),
                    left_out=reachable - sum(in_group),
                    unreachable=delivered - reachable,
                )
            )
    return tuple(found)


def _names(stages: list[str], pattern: Bools) -> tuple[str, ...]:
    """Names of the stages between the present timestamps; merged if a timestamp is missing."""
    names: list[list[str]] = []
    for stage, begins in zip(stages, pattern[:-1], strict=True):
        if begins:
            names.append([])
        names[-1].append(stage)
    return tuple(" + ".join(each) for each in names)


def _of_each_class(
    journeys: Journeys, names: tuple[str, ...], timestamps: list[Floats], among: Bools
) -> tuple[StageBreakdown, ...]:
    classes = [(name, journeys.of_class(name) & among) for name in journeys.load.class_names]
    if len(classes) > 1:
        classes.append((ALL, among))
    return tuple(
        _breakdown(name, (names, timestamps), journeys, chosen) for name, chosen in classes if chosen.any()
    )


def _breakdown(
    name: str, of: tuple[tuple[str, ...], list[Floats]], journeys: Journeys, among: Bools
) -> StageBreakdown:
    names, timestamps = of
    stages = [_stage(stage, (timestamps[i + 1] - timestamps[i])[among]) for i, stage in enumerate(names)]
    report = (journeys.provider.confirmed_s - journeys.provider.final_s)[among]
    report = report[np.isfinite(report)]
    if len(report):
        stages.append(_stage(REPORT_STAGE, report))
    return StageBreakdown(
        message_class=name,
        count=int(np.count_nonzero(among)),
        stages=tuple(stages),
        end_to_end=_stage("delivery time", (timestamps[-1] - timestamps[0])[among]),
    )


def _stage(name: str, times: Floats) -> StageTimes:
    ordered = np.sort(times)
    shown = (50.0, 95.0, 99.0)
    p50, p95, p99 = (
        float(ordered[rank - 1]) if len(ordered) >= needed(percentile) else None
        for percentile, rank in zip(shown, ranks(len(ordered), shown), strict=True)
    )
    return StageTimes(
        name=name, count=len(ordered), mean_s=float(times.mean()), p50_s=p50, p95_s=p95, p99_s=p99
    )


def timestamp_order(journeys: Journeys) -> TimestampOrder:
    """Count messages whose timestamps contradict each other, whatever their outcome."""
    load, provider = journeys.load, journeys.provider
    wrong = np.zeros(journeys.count, dtype=np.bool_)
    examples: list[str] = []
    ordered = (
        ("sent before due", load.intended_s, load.sent_s, EARLY_TOLERANCE_S),
        ("answered before sent", load.sent_s, load.replied_s, 0.0),
        ("submitted before sent", load.sent_s, provider.submitted_s, 0.0),
        ("provider answered before submitted", provider.submitted_s, provider.answered_s, 0.0),
        ("accepted before submitted", provider.submitted_s, provider.accepted_s, 0.0),
        ("provider answered before it accepted", provider.accepted_s, provider.answered_s, 0.0),
        ("at the carrier before submitted", provider.submitted_s, provider.carrier_s, 0.0),
        ("delivered before the carrier had it", provider.carrier_s, provider.final_s, 0.0),
        ("reported before delivered", provider.final_s, provider.reported_s, 0.0),
        ("report confirmed before sent", provider.reported_s, provider.confirmed_s, 0.0),
    )
    for words, earlier, later, tolerance_s in ordered:
        # Rounding may separate equal instants by one nanosecond.
        _note(words, later < earlier - tolerance_s - 1e-9, wrong, examples)
    reached = np.isfinite(provider.final_s) & provider.accepted
    _note("delivered, never submitted", reached & ~np.isfinite(provider.submitted_s), wrong, examples)
    _note("at the provider, never sent", provider.accepted & ~np.isfinite(load.sent_s), wrong, examples)
    unreported = np.isfinite(provider.confirmed_s) & ~np.isfinite(provider.reported_s)
    _note("report confirmed, never sent", unreported, wrong, examples)
    return TimestampOrder(
        checked=journeys.count, wrong=int(np.count_nonzero(wrong)), examples=tuple(examples[:_EXAMPLES])
    )


def _note(words: str, found: Bools, wrong: Bools, examples: list[str]) -> None:
    count = int(np.count_nonzero(found))
    if count:
        examples.append(f"{words}: {count:,}")
        wrong |= found
