"""Symptoms: the windows in which messages were late, refused or lost. The search looks at no others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.formatting import count_text, share_text
from analysis.judge.bottlenecks.view import View
from analysis.judge.bottlenecks.waits import (
    bounded,
    carrier_bounds,
    sender_bounds,
    waits_for_their_time,
)
from analysis.measure.binomial import chance_beyond
from analysis.measure.percentiles import ranks
from analysis.measure.throughput import QUEUED_S, REFUSED_SHARE

FAILED_SHARE = 0.10  # of the messages that the provider accepted, without switched-off phones
FEWEST = 5  # messages; fewer are not a pattern
MOCK_PERCENTILE = 95.0  # percentile of its seconds, as in the check of its event loop
_STAGES = {
    "slow_api": "for the answer of the API",
    "sender_queue": "in the sender's queue",
    "carrier_queue": "between provider and carrier",
}
CHANCE = 0.05  # probability of one false alarm in a whole run


@dataclass(frozen=True)
class Symptoms:
    """``windows``: the windows with a symptom. ``texts`` describe the symptoms. ``stage``: where the median
    message waited too long; "" if nowhere. ``only_growth``: no message has waited for long yet.
    """

    windows: Bools
    texts: tuple[str, ...]
    stage: str = ""
    only_growth: bool = False


def mock_late_s(view: View) -> Floats:
    """The delay of the mock provider that a quarter of the window's seconds reach, in seconds, without its
    waits for a core.
    """
    at_s, late_s = _mock_seconds(view)
    return view.gauges.of_values(at_s, late_s) if len(at_s) else np.full(view.windows.count, np.nan)


def _mock_seconds(view: View) -> tuple[Floats, Floats]:
    """(instant, delay without waits for a core) of each second."""
    at_s, lag_ms = view.gauges.gauges.series("provider", "loop_lag_ms")
    late_ms = np.maximum(lag_ms, view.gauges.gauges.at("provider", "timer_late_ms", at_s))
    waited_ms = view.gauges.gauges.at("provider", "loop_core_wait_ms", at_s)
    own: Floats = np.where(waited_ms >= 0.5 * late_ms, 0.0, late_ms) / 1000.0
    return at_s, own


def symptoms(view: View) -> Symptoms:
    windows, due = view.windows, view.due_s
    found: dict[str, Bools] = {}
    planned = windows.counts(due, view.everyone)
    left = windows.counts(due, view.not_taken)
    found["not_taken"] = (left > REFUSED_SHARE * planned) & (left >= 1)
    api_s = windows.percentile(due, view.api_s, view.everyone, 50.0)
    found["slow_api"] = np.nan_to_num(api_s) > QUEUED_S
    found["silent_api"] = windows.overlapping((each.from_s, each.to_s) for each in view.silences)
    waits = windows.percentile(due, view.sender_wait_s, view.everyone, 50.0)
    found["sender_queue"] = np.nan_to_num(waits) > QUEUED_S
    carried = windows.percentile(due, view.carrier_wait_s, view.everyone, 50.0)
    found["carrier_queue"] = np.nan_to_num(carried) > QUEUED_S
    found["scheduled"] = waits_for_their_time(view)
    found["one_carrier"] = _of_one_carrier(view)
    found["late"] = _late(view)
    found["unforwarded"] = windows.counts(due, view.outcomes.unaccounted & ~view.outcomes.still_held) > 0
    found["given_up"] = windows.counts(due, view.outcomes.given_up) > 0
    lost = windows.counts(due, view.failed_on_the_way)
    accepted = windows.counts(due, view.provider.accepted)
    # More than chance explains in any window. A day has 8,640 windows, so rare counts occur in some.
    chance = chance_beyond(lost - 1, accepted, FAILED_SHARE)
    found["failed"] = (lost >= FEWEST) & (chance < CHANCE / windows.count)
    # The bench is late only if it exceeds the limit of its validity check over the whole load too.
    limit_s = view.given.lag_limit_s
    found["generator"] = (np.nan_to_num(view.lag_p99_s) > limit_s) & (
        _percentile(view.counted_lag_s, 99.0) > limit_s
    )
    found["dropped"] = windows.counts(due, view.dropped_by_bench) > REFUSED_SHARE * planned
    mock_late = _percentile(_mock_seconds(view)[1], MOCK_PERCENTILE) > limit_s
    found["mock"] = (np.nan_to_num(mock_late_s(view)) > limit_s) & mock_late
    seen: Bools = np.any(np.array(list(found.values())), axis=0)
    if view.given.backlog_grew and not seen.any():  # a short load: no message has waited for long yet
        found["growing"] = seen = np.ones(windows.count, dtype=np.bool_)
    stages = (stage for name, stage in _STAGES.items() if found[name].any())
    return Symptoms(seen, tuple(_texts(view, found, seen)), next(stages, ""), "growing" in found)


def _percentile(values: Floats, percentile: float) -> float:
    """Nearest rank; 0 without values."""
    ordered = np.sort(values)
    return float(ordered[ranks(len(ordered), (percentile,))[0] - 1]) if len(ordered) else 0.0


def slow_carriers(view: View) -> dict[str, Floats]:
    """Median wait per window, by carrier with enough messages. NaN where it is a second or less."""
    found: dict[str, Floats] = {}
    for place, name in enumerate(view.provider.carrier.names):
        among = view.provider.carrier.index == place
        wait_s = view.windows.percentile(view.due_s, view.carrier_wait_s, among, 50.0)
        enough = view.windows.counts(view.due_s, among) >= FEWEST
        slow = np.where(enough & (np.nan_to_num(wait_s) > QUEUED_S), wait_s, np.nan)
        if np.isfinite(slow).any() or np.isinf(slow).any():
            found[name] = slow
    return found


def shared_wait_s(view: View) -> Floats:
    """The shortest median wait of a carrier with enough messages, in each window: all carriers have at least
    this wait. NaN unless there are two such carriers.
    """
    known = []
    for place in range(len(view.provider.carrier.names)):
        among = view.provider.carrier.index == place
        wait_s = view.windows.percentile(view.due_s, view.carrier_wait_s, among, 50.0)
        known.append(np.where(view.windows.counts(view.due_s, among) >= FEWEST, wait_s, np.inf))
    if len(known) < 2:
        return np.full(view.windows.count, np.nan)
    ordered = np.sort(np.array(known), axis=0)
    return np.where(np.isfinite(ordered[1]), ordered[0], np.nan)


def _of_one_carrier(view: View) -> Bools:
    seen: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    for slow in slow_carriers(view).values():
        seen |= ~np.isnan(slow)
    return seen


def _late(view: View) -> Bools:
    """Windows in which more messages were late than a missed objective allows."""
    seen: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    for objective, among in view.missed_times:
        assert objective.limit_s is not None and objective.percentile is not None
        counted = among & ~np.isnan(view.delivery_s)
        late = counted & (view.delivery_s > objective.limit_s)
        share = view.windows.share(view.due_s, late, counted)
        seen |= (share > 1 - objective.percentile / 100) & (view.windows.counts(view.due_s, late) >= FEWEST)
    return seen


def _texts(view: View, found: dict[str, Bools], seen: Bools) -> list[str]:
    texts = ["the backlog grew"] if "growing" in found else []
    left, planned = int(np.count_nonzero(view.not_taken)), view.journeys.count
    if found["not_taken"].any():
        texts.append(f"{count_text(left)} messages ({share_text(left, planned)}) were not taken")
    api_s = view.windows.percentile(view.due_s, view.api_s, view.everyone, 50.0)
    for (name, where), (least_s, most_s) in zip(
        _STAGES.items(),
        ((api_s, api_s), sender_bounds(view), carrier_bounds(view, view.everyone)),
        strict=True,
    ):
        if found[name].any():
            longest_s = float(np.nanmax(least_s[seen]))
            shown = bounded(longest_s, float(np.nanmax(most_s[seen])))
            shown = shown if np.isfinite(longest_s) else "until the end"
            texts.append(f"the median message waited {shown} {where}")
    for objective, _ in view.missed_times:
        texts.append(f"{objective.name}: {objective.measured}, limit {objective.limit}")
    lost, accepted = (
        int(np.count_nonzero(each)) for each in (view.failed_on_the_way, view.provider.accepted)
    )
    if found["failed"].any():
        texts.append(
            f"{count_text(lost)} of {count_text(accepted)} messages failed on their way to the phone"
        )
    return texts
