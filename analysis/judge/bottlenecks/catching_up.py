"""Refusals for a limit that the load does not need: the sender sends faster than the load for some time.

A sender that forwarded nothing, or whose API answered nothing, sends the messages that waited as fast as it
can when it continues. The provider refuses some of them, although the load is below the contract.
"""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.formatting import counted_text
from analysis.judge.bottlenecks import lowered_limit
from analysis.judge.bottlenecks.kind import over
from analysis.judge.bottlenecks.lowered_limit import THROTTLED_SHARE
from analysis.judge.bottlenecks.view import View
from analysis.measure.contract_limits import Bucket, read_limits

AT_CONTRACT = 0.9  # of a limit: the load needs it
_WAITED_S = 0.05  # a shorter wait of an ideal sender is that of random arrivals


def needs_limit(view: View) -> Bools:
    """Windows in which the load reaches a limit of requests or segments, with one message in a request: 90 %
    of its rate is due, or over 1 % of the messages would wait for it in a sender that sends each at once.

    All windows, if the contract has another limit of requests: concurrent ones.
    """
    limits = read_limits(view.given.profile, view.provider.protocol)
    needed: Bools = np.full(view.windows.count, limits.concurrent is not None)
    known = view.provider.segments[view.provider.segments > 0]
    usual = float(known.mean()) if len(known) else 1.0
    segments: Floats = np.where(view.provider.segments > 0, view.provider.segments, usual)
    place = view.windows.of(view.due_s)
    if limits.drain_ns:  # the accept queue takes a burst, and after it no more than its rate
        due = np.bincount(place[place >= 0], weights=segments[place >= 0], minlength=view.windows.count)
        needed |= over(due / view.windows.lengths_s, AT_CONTRACT * 1e9 / limits.drain_ns)
    for bucket, units in ((limits.requests, np.ones(view.journeys.count)), (limits.segments, segments)):
        if bucket is None:
            continue
        due = np.bincount(place[place >= 0], weights=units[place >= 0], minlength=view.windows.count)
        needed |= over(due / view.windows.lengths_s, AT_CONTRACT * 1e9 / bucket.unit_ns)
        late: Bools = _ideal_wait_s(view.due_s, units, bucket) > _WAITED_S
        needed |= view.windows.share(view.due_s, late, view.everyone) > THROTTLED_SHARE
    return needed


def catches_up(view: View) -> Bools:
    """Windows in which the load needs no limit, and the sender paused in them or in the previous window."""
    spans = [(each.from_s, each.to_s) for each in view.pauses]
    spans += [(each.from_s, each.to_s) for each in view.silences if each.waited]
    paused = view.windows.overlapping(spans)
    paused[1:] |= paused[:-1].copy()
    return paused & ~needs_limit(view)


def _ideal_wait_s(due_s: Floats, units: Floats, bucket: Bucket) -> Floats:
    """How long each message waits for a bucket that is full at first, in order of the due instants.

    The debt after a message is the largest surplus, over all earlier starts, of tokens taken over tokens
    added. Beyond the burst it is a wait.
    """
    order = np.argsort(due_s, kind="stable")
    unit_s = bucket.unit_ns / 1e9
    taken = np.cumsum(units[order]) * unit_s
    # Debt after message i: the maximum over j <= i of (units j..i) - (time from j to i), all in seconds.
    before = taken - units[order] * unit_s
    debt_s = taken - due_s[order] - np.minimum.accumulate(before - due_s[order])
    found = np.zeros(len(due_s))
    found[order] = np.maximum(debt_s - bucket.burst * unit_s, 0.0)
    return found


def refusals_text(view: View) -> list[str]:
    """That the sender was refused for a limit when it caught up, with the number of messages, or nothing."""
    refused: Bools = lowered_limit.throttled_messages(view)
    inside = view.windows.inside(view.provider.submitted_s, catches_up(view))
    count = int(np.count_nonzero(refused & inside))
    if not count:
        return []
    messages = counted_text(count, "message")
    return [
        f"then it sent faster than the load: the provider refused {messages} because of its limits, and the "
        "load itself is below them"
    ]
