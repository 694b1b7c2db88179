"""A sender that was refused for a limit and sends slowly from then on, although the provider allows more."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.formatting import quantity_text, round_number_text, significant
from analysis.judge.bottlenecks import submits
from analysis.judge.bottlenecks.contract import contract_of
from analysis.judge.bottlenecks.kind import over
from analysis.judge.bottlenecks.view import View

WAITED_SHARE = 0.3  # of the window, in which ready messages waited
_FAR_BELOW = 0.5  # of what the contract allows
_SLOWER = 0.5  # of the highest rate before
_FEW_IN_FLIGHT = 0.5  # share of the time with a request in flight
_SECONDS_WITH_SUBMITS = 0.8  # a sender that pauses, or probes now and then, submits in fewer


def slow_after_refusal(view: View) -> Bools:
    """Windows in which messages waited in the sender, it submitted all the time, and at under half of its
    highest rate before and of what the contract allows. It was refused for a limit before, and not in them.

    A sender with gauges says that its pacing holds the messages. Of another, few requests are in flight.
    """
    refused_s = view.provider.submitted_s[view.provider.throttled > 0]
    if not len(refused_s):
        return np.zeros(view.windows.count, dtype=np.bool_)
    starts, ends = view.windows.edges_s[:-1], view.windows.edges_s[1:]
    after: Bools = ends > float(np.nanmin(refused_s))
    refused_now = view.windows.counts(view.provider.submitted_s, view.provider.throttled > 0) > 0
    rate = submits.requests_per_s(view)
    highest = np.maximum.accumulate(np.append(0.0, rate[:-1]))
    slower = (rate > 0) & (rate < _SLOWER * highest)
    faulty = view.windows.overlapping(
        (band.from_s, view.journeys.end_s if band.to_s is None else band.to_s)
        for band in view.request_faults
        if band.from_s is not None
    )
    found: Bools = after & ~refused_now & slower & ~faulty & (starts >= 0)
    return (
        found
        & far_below_contract(view)
        & submits.backlog(view)
        & _limited_by_own_pacing(view)
        & _all_the_time(view)
    )


def far_below_contract(view: View) -> Bools:
    """Windows in which the submits are under half of each limit of the contract. None without a limit."""
    contract = contract_of(view.given.profile)
    rates = submits.requests_per_s(view), submits.segments_per_s(view)
    allowed = contract.requests_per_s, contract.lowest_segments_per_s
    known = [(rate, most) for rate, most in zip(rates, allowed, strict=True) if most is not None]
    if not known:
        return np.zeros(view.windows.count, dtype=np.bool_)
    below: Bools = np.all([rate < _FAR_BELOW * most for rate, most in known], axis=0)
    return below


def pace_text(view: View, windows: Bools) -> str:
    """``4.2 to 5.9 requests/s of the 200``."""
    contract = contract_of(view.given.profile)
    rate, most, unit = submits.requests_per_s(view), contract.requests_per_s, "requests/s"
    if most is None:
        rate, most, unit = submits.segments_per_s(view), contract.lowest_segments_per_s, "segments/s"
    assert most is not None
    low, high = (significant(float(end), 2) for end in (rate[windows].min(), rate[windows].max()))
    span = quantity_text(low, unit) if low == high else f"{low} to {high} {unit}"
    return f"{span} of the {round_number_text(most)}"


def _limited_by_own_pacing(view: View) -> Bools:
    """Its pacing holds the messages, as it reports, or as the few requests in flight show."""
    if view.gauges.gauges.names("sender", "waited_"):
        waited: Floats = view.gauges.rise("sender", "waited_pacing_s") / view.windows.lengths_s
        return over(waited, WAITED_SHARE)
    _, _, busy = submits.unanswered(view)
    few: Bools = busy < _FEW_IN_FLIGHT
    return few


def _all_the_time(view: View) -> Bools:
    found: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    instants = np.sort(view.provider.forwarded_s[np.isfinite(view.provider.forwarded_s)])
    for window, (low_s, high_s) in enumerate(
        zip(view.windows.edges_s[:-1], view.windows.edges_s[1:], strict=True)
    ):
        seconds = np.diff(np.searchsorted(instants, np.arange(low_s, high_s + 1e-9, 1.0)))
        found[window] = len(seconds) > 0 and np.count_nonzero(seconds) >= _SECONDS_WITH_SUBMITS * len(seconds)
    return found
