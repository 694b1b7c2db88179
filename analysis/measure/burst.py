"""A burst: peak of the backlog, time to drain it, and the effect on the guarded class."""

from __future__ import annotations

import math

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.classes import GUARDED_CLASS
from analysis.findings import Difference
from analysis.measure.comparison.differences import independent_difference
from analysis.measure.comparison.groups import group_of
from analysis.measure.dependence import evidence_of
from analysis.measure.outcomes import DELIVERED, OPEN, MessageOutcomes, delivered_in_order, delivery_ages
from analysis.measure.percentiles import quantiles, ranks
from analysis.measure.timeline import drawn_until_s, rate_series, undelivered, unsubmitted
from analysis.model import BurstResult
from analysis.quantile import Quantile
from analysis.read.journeys import Journeys

GUARDED_PERCENTILES = (50.0, 95.0)
# The burst ends below half of the peak second. A "burst" as long as the load is a steady load.
_EDGE_SHARE = 0.5
_LONGEST_SHARE = 0.8


def find_burst(journeys: Journeys, outcomes: MessageOutcomes) -> BurstResult | None:
    """The burst of the most numerous class except the guarded one; None without a burst."""
    names = [name for name in journeys.load.class_names if name != GUARDED_CLASS]
    if not names:
        return None
    name = max(names, key=lambda each: np.count_nonzero(journeys.of_class(each)))
    among = journeys.of_class(name)
    span = burst_span(journeys.load.intended_s[among], journeys.load_end_s)
    if span is None:
        return None
    from_s, to_s = span
    inside: Bools = among & (journeys.load.intended_s >= from_s) & (journeys.load.intended_s <= to_s)
    return _burst(journeys, outcomes, name, inside, span)


def burst_span(due_s: Floats, load_end_s: float) -> tuple[float, float] | None:
    """First and last arrival of the seconds with at least half the busiest second's arrivals."""
    if len(due_s) == 0 or load_end_s <= 0:
        return None
    second = np.floor(due_s).astype(np.int64)
    second -= second.min()
    counts = np.bincount(second)
    busy = np.flatnonzero(counts >= _EDGE_SHARE * counts.max())
    inside = due_s[(second >= busy[0]) & (second <= busy[-1])]
    from_s, to_s = float(inside.min()), float(inside.max())
    return None if to_s - from_s > _LONGEST_SHARE * load_end_s else (from_s, to_s)


def _burst(
    journeys: Journeys, outcomes: MessageOutcomes, name: str, inside: Bools, span: tuple[float, float]
) -> BurstResult:
    from_s, to_s = span
    due = journeys.load.intended_s
    # What the sender did not accept is not part of its backlog: its caller sends it again.
    accepted: Bools = inside & journeys.accepted
    last_submit = _last_s(journeys, outcomes, accepted, journeys.provider.submitted_s)
    last_delivery = _last_s(journeys, outcomes, accepted, journeys.provider.final_s)
    mostly_s = _mostly_ended_after_s(journeys, accepted, to_s)
    observed_s = max(journeys.end_s - to_s, 0.0)
    # A submitted burst can still be in a carrier's queue and delay the OTPs behind it.
    until_s = to_s + (observed_s if mostly_s is None else mostly_s)
    guarded = _guarded(journeys)
    before, during = guarded & (due < from_s), guarded & (due >= from_s) & (due <= until_s)
    quantiles_before = _quantiles(journeys, outcomes, before)
    quantiles_during = _quantiles(journeys, outcomes, during)
    compared = _compared_percentile(quantiles_before, quantiles_during)
    messages = int(np.count_nonzero(inside))
    return BurstResult(
        message_class=name,
        from_s=from_s,
        to_s=to_s,
        messages=messages,
        accepted=int(np.count_nonzero(accepted)),
        rate_per_s=messages / max(to_s - from_s, 1.0),
        peak_unsubmitted=unsubmitted(journeys, outcomes, accepted).peak()[0],
        peak_undelivered=undelivered(journeys, outcomes, accepted).peak()[0],
        submitted_after_s=None if last_submit is None else max(last_submit - to_s, 0.0),
        delivered_after_s=None if last_delivery is None else max(last_delivery - to_s, 0.0),
        mostly_delivered_after_s=mostly_s,
        still_open=int(np.count_nonzero(accepted & (outcomes.outcome == OPEN))),
        observed_after_s=observed_s,
        guarded_class=GUARDED_CLASS if guarded.any() else "",
        guarded_before=quantiles_before,
        guarded_during=quantiles_during,
        guarded_before_count=int(np.count_nonzero(before)),
        guarded_during_count=int(np.count_nonzero(during)),
        guarded_difference=_difference(journeys, outcomes, before, during, compared),
        offered=rate_series("offered", due[inside], 1.0, drawn_until_s(journeys)),
        delivered=rate_series(
            "delivered",
            journeys.provider.final_s[accepted & (outcomes.outcome == DELIVERED)],
            1.0,
            drawn_until_s(journeys),
        ),
    )


def _guarded(journeys: Journeys) -> Bools:
    if GUARDED_CLASS not in journeys.load.class_names:
        return np.zeros(journeys.count, dtype=np.bool_)
    return journeys.of_class(GUARDED_CLASS) & journeys.accepted


def _compared_percentile(before: tuple[Quantile, ...], during: tuple[Quantile, ...]) -> float:
    """The highest percentile with a value before and during; the lowest one if none has both."""
    known = [
        earlier.percentile
        for earlier, later in zip(before, during, strict=False)
        if earlier.value_s is not None and later.value_s is not None
    ]
    return max(known, default=GUARDED_PERCENTILES[0])


def _difference(
    journeys: Journeys, outcomes: MessageOutcomes, before: Bools, during: Bools, percentile: float
) -> Difference | None:
    if not before.any() or not during.any():
        return None
    return independent_difference(
        group_of(journeys, outcomes, during), group_of(journeys, outcomes, before), percentile
    )


def _last_s(
    journeys: Journeys, outcomes: MessageOutcomes, accepted: Bools, instants_s: Floats
) -> float | None:
    """The last instant of this kind in the burst; None if a message still waits."""
    waiting = accepted & (outcomes.outcome == OPEN) & ~np.isfinite(instants_s)
    finite = instants_s[accepted & np.isfinite(instants_s)]
    if waiting.any() or len(finite) == 0:
        return None
    return float(finite.max())


def _mostly_ended_after_s(journeys: Journeys, accepted: Bools, to_s: float) -> float | None:
    """From the burst's end until 95 % of its accepted messages had arrived or failed, else None."""
    done = np.sort(np.nan_to_num(journeys.provider.final_s[accepted], nan=np.inf))
    if len(done) == 0:
        return None
    mostly = float(done[ranks(len(done), (95.0,))[0] - 1])
    return max(mostly - to_s, 0.0) if math.isfinite(mostly) else None


def _quantiles(journeys: Journeys, outcomes: MessageOutcomes, among: Bools) -> tuple[Quantile, ...]:
    if not among.any():
        return ()
    in_order = delivered_in_order(journeys, outcomes, among)
    ages = delivery_ages(journeys, outcomes, among)
    return quantiles(ages, GUARDED_PERCENTILES, evidence_of(in_order))
