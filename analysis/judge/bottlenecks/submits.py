"""How the sender used the provider, from the journal alone, so for any sender."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.judge.bottlenecks.view import View
from analysis.measure.steady import steady
from analysis.measure.throughput import QUEUED_S

_MOST_LOOKS = 1_000
_FEWEST_LOOKS = 50
_LOOKS_IN_ALL = 500_000
_BIN_S = 1.0
# Variance over mean of the submits per second: 1 for random arrivals, about 0 behind a rate limit. Random
# arrivals are below this limit in 1 of 100 windows.
_CONSTANT_RATE = 0.2
_FEWEST_BINS = 5
_LOOK_S = 0.1
_FEWEST_WAITING = 5
_PIECE_S = 5.0
_FEWEST_PIECES = 3
_AT_LIMIT = 0.8  # mean over maximum of concurrent requests: above it, the sender is always at its limit
_ALIKE = 0.25  # spread of the waits over their median


def backlog(view: View) -> Bools:
    """Windows in which messages waited in the sender all the time: at both edges, and due in them."""
    wait = view.windows.percentile(view.due_s, view.sender_wait_s, view.everyone, 50.0)
    return np.nan_to_num(wait) > 1.0


def requests_per_s(view: View) -> Floats:
    """Requests that the provider did not refuse for a limit. Messages of one request reach it at the same
    instant.
    """
    given_up = (view.provider.throttled > 0) & ~view.provider.accepted
    instants = np.unique(view.provider.forwarded_s[np.isfinite(view.provider.forwarded_s) & ~given_up])
    return view.windows.counts(instants, np.ones(len(instants), dtype=np.bool_)) / view.windows.lengths_s


def segments_per_s(view: View) -> Floats:
    place = view.windows.of(view.provider.forwarded_s)
    chosen = (place >= 0) & view.provider.accepted
    sums = np.bincount(place[chosen], weights=view.provider.segments[chosen], minlength=view.windows.count)
    return np.asarray(sums / view.windows.lengths_s, dtype=np.float64)


def unanswered(view: View) -> tuple[Floats, Floats, Floats]:
    """For each window: mean and maximum of requests in flight at the provider, and the share of the time with
    at least one.
    """
    known = np.isfinite(view.provider.forwarded_s) & np.isfinite(view.provider.answered_s)
    begins, first = np.unique(view.provider.forwarded_s[known], return_index=True)
    ends = np.sort(np.maximum(view.provider.answered_s[known][first], begins))
    # A thousand points give a mean to a few percent. A day has 8,640 windows, so more would be slow.
    looks = max(_FEWEST_LOOKS, min(_MOST_LOOKS, _LOOKS_IN_ALL // view.windows.count))
    mean, most, share = (np.zeros(view.windows.count) for _ in range(3))
    for window, (low, high) in enumerate(
        zip(view.windows.edges_s[:-1], view.windows.edges_s[1:], strict=True)
    ):
        at = np.linspace(low, high, looks, endpoint=False)
        in_flight = np.searchsorted(begins, at, "right") - np.searchsorted(ends, at, "right")
        mean[window], most[window] = in_flight.mean(), in_flight.max(initial=0)
        share[window] = np.count_nonzero(in_flight > 0) / len(at)
    return mean, most, share


def unanswered_in(view: View, windows: Bools) -> tuple[float, int, float]:
    """The same over all of these windows."""
    mean, most, share = (each[windows] for each in unanswered(view))
    lengths_s = view.windows.lengths_s[windows]
    return (
        float(np.average(mean, weights=lengths_s)),
        int(most.max()),
        float(np.average(share, weights=lengths_s)),
    )


def at_constant_rate(view: View) -> Bools:
    """Windows in which the number of submits hardly differs from one second to the next."""
    found: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    for window, counts in enumerate(_each_second(view, np.unique(view.provider.forwarded_s))):
        if len(counts) >= _FEWEST_BINS:
            found[window] = counts.var() < _CONSTANT_RATE * counts.mean()
    return found


def messages_per_s(view: View, windows: Bools) -> float:
    """Forwarded messages per second of these windows, without the first and last second with a submit."""
    each = _each_second(view, view.provider.forwarded_s)
    inner = [each[place][1:-1] for place in np.flatnonzero(windows).tolist()]
    return float(np.concatenate(inner).mean()) if inner else 0.0


def steady_per_s(view: View) -> float:
    """Forwarded messages per second of the steady part of the load, as a capacity search has it; of the whole
    load if that has too few messages.
    """
    found = steady(view.due_s, view.provider.forwarded_s, view.journeys.load_end_s)
    everywhere: Bools = np.ones(view.windows.count, dtype=np.bool_)
    return found.through_per_s if found is not None else messages_per_s(view, everywhere)


def _each_second(view: View, instants_s: Floats) -> list[Ints]:
    """The number of these instants in each second of each window, from the first to the last second with one:
    in the others it is possible that no message waited.
    """
    ordered = np.sort(instants_s[np.isfinite(instants_s)])
    found = []
    for low, high in pairwise(view.windows.edges_s.tolist()):
        counts = np.diff(np.searchsorted(ordered, np.arange(low, high + 1e-9, _BIN_S)))
        sent = np.flatnonzero(counts)
        found.append(counts[sent[0] : sent[-1] + 1] if len(sent) else counts)
    return found


def always_waiting(view: View) -> Bools:
    """Windows in whose second half some messages waited in the sender at each tenth of a second."""
    known: Bools = view.journeys.accepted & ~np.isnan(view.sender_wait_s)
    begins = np.sort(view.load.replied_s[known])
    ends = np.sort((view.load.replied_s + view.sender_wait_s)[known])
    found: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    for window, (low, high) in enumerate(pairwise(view.windows.edges_s.tolist())):
        at = np.arange((low + high) / 2, high, _LOOK_S)
        waiting = np.searchsorted(begins, at, "right") - np.searchsorted(ends, at, "right")
        found[window] = len(at) > 0 and int(waiting.min()) >= _FEWEST_WAITING
    return found


def flat(view: View) -> bool:
    """Whether the load's pieces of 5 s have the same number of submits: they vary less than random arrivals.

    Several workers submit at once and then pause together, so that shorter pieces vary more.
    """
    pieces = max(int(view.journeys.load_end_s // _PIECE_S), 1)
    edges = np.linspace(0.0, view.journeys.load_end_s, pieces + 1)
    counts, _ = np.histogram(view.provider.forwarded_s[np.isfinite(view.provider.forwarded_s)], bins=edges)
    return bool(pieces >= _FEWEST_PIECES and counts.min() > 0 and counts.var() < counts.mean())


def waits_alike(view: View) -> Bools:
    """Windows in which the messages waited equally long in the sender.

    One that it still has at the end may wait as long as those that it forwarded, or longer than that.
    """
    forwarded_s = view.windows.percentile(view.due_s, view.sender_wait_s, view.forwarded, 50.0)
    place = view.windows.of(view.due_s)
    usual_s = np.where(place >= 0, forwarded_s[place], np.nan)
    least_s = np.where(view.still_waits, np.fmax(view.sender_wait_s, usual_s), view.sender_wait_s)
    low, middle, high = (
        view.windows.percentile(view.due_s, least_s, view.everyone, percent) for percent in (10.0, 50.0, 90.0)
    )
    alike: Bools = np.nan_to_num(high - low, nan=np.inf) < _ALIKE * np.nan_to_num(middle)
    return alike & np.isfinite(forwarded_s)


def callers_wait(view: View) -> Bools:
    """For a sender without gauges: windows in which its callers wait while its requests to the provider are
    at their maximum. It calls the provider before it answers, so it has no backlog.
    """
    if view.gauges.gauges.names("sender", "waited_") or not view.journeys.journal:
        return np.zeros(view.windows.count, dtype=np.bool_)
    api_s = view.windows.percentile(view.due_s, view.api_s, view.everyone, 50.0)
    slow: Bools = np.nan_to_num(api_s, nan=0.0, posinf=np.inf) > QUEUED_S
    return slow & at_their_maximum(view)


def at_their_maximum(view: View) -> Bools:
    """Windows in which the requests in flight at the provider are always at their maximum."""
    mean, most, busy = unanswered(view)
    found: Bools = (mean >= _AT_LIMIT * most) & (most >= 1) & (busy > 0.9)
    return found
