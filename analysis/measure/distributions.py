"""Distributions of delivery times and of the sender's answer times."""

from __future__ import annotations

import math

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.classes import ALL
from analysis.measure.dependence import evidence_of, lag_one_correlation
from analysis.measure.outcomes import MessageOutcomes, delivered_in_order, delivery_ages
from analysis.measure.percentiles import (
    SHOWN_PERCENTILES,
    Ages,
    interval_ranks,
    quantiles,
    ranks,
    with_open,
)
from analysis.model import Distribution
from analysis.quantile import Curve, needed
from analysis.read.journeys import OUTCOMES, Journeys

_CURVE_POINTS = 97
_CURVE_TOP = 99.99


def delivery_distributions(
    journeys: Journeys,
    outcomes: MessageOutcomes,
    percentiles: tuple[float, ...] = SHOWN_PERCENTILES,
    faults: bool = False,
) -> tuple[Distribution, ...]:
    """One per class that has messages, in the order of the classes; then one for all if there are several.

    ``faults``: the run has injected faults.
    """
    groups = [(name, journeys.of_class(name)) for name in journeys.load.class_names]
    groups = [(name, among & journeys.accepted) for name, among in groups]
    if len(groups) > 1:
        groups.append((ALL, journeys.accepted))
    return tuple(
        _distribution(
            name,
            "delivery_time",
            delivery_ages(journeys, outcomes, among),
            delivered_in_order(journeys, outcomes, among),
            int(np.count_nonzero(among & outcomes.never)),
            percentiles,
            faults,
        )
        for name, among in groups
        if among.any()
    )


def class_ages(journeys: Journeys, outcomes: MessageOutcomes, name: str) -> Ages:
    """Delivery times of a class, or of "all"."""
    among = journeys.accepted if name == ALL else journeys.accepted & journeys.of_class(name)
    return delivery_ages(journeys, outcomes, among)


def api_distributions(
    journeys: Journeys, percentiles: tuple[float, ...] = SHOWN_PERCENTILES, faults: bool = False
) -> tuple[Distribution, ...]:
    """The sender's answer, from the intended instant (response) and from the send (service)."""
    load = journeys.load
    if not np.isfinite(load.sent_s).any():
        return ()
    answered = _answered(journeys)
    found = []
    for measure, start in (("api_response", load.intended_s), ("api_service", load.sent_s)):
        times = (load.replied_s - start)[answered]
        order = np.argsort(load.intended_s[answered], kind="stable")
        ages, never = api_ages(journeys, start), int(np.count_nonzero(_unanswered(journeys, start)))
        found.append(_distribution(ALL, measure, ages, times[order], never, percentiles, faults))
    return tuple(found)


def api_ages(journeys: Journeys, start_s: Floats) -> Ages:
    """Times from ``start_s`` to the answer.

    A request without an answer when the load stopped counts with at least its age then. A request that failed
    never gets an answer, and neither does an arrival that was not sent since too many were unanswered. The
    answer to one that the bench had no room for can take any time.
    """
    load, answered = journeys.load, _answered(journeys)
    waiting = np.isfinite(load.sent_s) & ~answered & (load.outcome == OUTCOMES.index("unfinished"))
    open_ages = np.maximum(journeys.load_end_s - start_s[waiting], 0.0)
    no_room = np.isfinite(start_s) & journeys.dropped_at_machine_limit
    open_ages = np.append(open_ages, np.zeros(np.count_nonzero(no_room)))
    never = int(np.count_nonzero(_unanswered(journeys, start_s)))
    return with_open((load.replied_s - start_s)[answered], open_ages, never)


def _unanswered(journeys: Journeys, start_s: Floats) -> Bools:
    """Arrivals with a start that never get an answer."""
    load = journeys.load
    failed = np.isfinite(load.sent_s) & ~_answered(journeys) & (load.outcome == OUTCOMES.index("failed"))
    found: Bools = np.isfinite(start_s) & (failed | journeys.dropped_at_limit)
    return found


def _answered(journeys: Journeys) -> Bools:
    found: Bools = np.isfinite(journeys.load.replied_s) & np.isfinite(journeys.load.sent_s)
    return found


def _distribution(
    name: str,
    measure: str,
    ages: Ages,
    in_order: Floats,
    never_count: int,
    percentiles: tuple[float, ...],
    faults: bool,
) -> Distribution:
    correlation = lag_one_correlation(in_order)
    evidence = evidence_of(in_order, correlation, faults)
    there = len(in_order) > 0
    return Distribution(
        message_class=name,
        measure=measure,
        count=ages.count,
        open_count=ages.count - len(in_order) - never_count,
        never_count=never_count,
        mean_s=float(in_order.mean()) if there else None,
        min_s=float(in_order.min()) if there else None,
        max_s=float(in_order.max()) if there else None,
        lag_one_correlation=correlation,
        effective_count=len(in_order) * evidence,
        quantiles=quantiles(ages, percentiles, evidence),
        curve=curve(ages, evidence),
    )


def curve(ages: Ages, evidence: float = 1.0) -> Curve:
    """Percentiles at even steps of log10(1 / (1 - p)), up to the last one that is known."""
    nines = np.linspace(0.0, -math.log10(1.0 - _CURVE_TOP / 100.0), _CURVE_POINTS)
    percentiles = [100.0 * (1.0 - 10.0**-x) for x in nines[1:]]
    carried = [p for p in percentiles if ages.count >= needed(p, evidence)]
    if not carried:
        return Curve(percentiles=(), value_s=(), low_s=(), high_s=())
    middle = ages.high_s[ranks(ages.count, carried) - 1]
    lower, upper = interval_ranks(ages.count, carried, evidence)
    low, high = ages.low_s[np.maximum(lower, 1) - 1], ages.high_s[np.minimum(upper, ages.count) - 1]
    drawn = np.isfinite(middle)
    # If the upper end of the band is among open messages, the band ends at the value.
    top = np.where(np.isfinite(high), high, middle)
    return Curve(
        percentiles=tuple(np.asarray(carried)[drawn].tolist()),
        value_s=tuple(middle[drawn].tolist()),
        low_s=tuple(low[drawn].tolist()),
        high_s=tuple(top[drawn].tolist()),
    )
