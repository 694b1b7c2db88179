"""Servers and token buckets, computed for all messages at once.

One recursion describes both. ``busy[i] = max(busy[i-1], at[i]) + cost[i]`` is when a server has finished
message i, or when a token bucket is full again after message i took ``cost``. Message i waits if ``busy[i]``
is later than its arrival by more than the server or bucket allows.
"""

from __future__ import annotations

import heapq

import numpy as np

from analysis.arrays import Bools, Ints


def busy_until(at: Ints, cost: Ints) -> Ints:
    """The recursion above. ``at`` is ascending."""
    spent = np.cumsum(cost)
    done: Ints = spent + np.maximum.accumulate(at - (spent - cost))
    return done


def idle_at(at: Ints, busy: Ints) -> Bools:
    """For each message: whether the server is idle or the bucket full when it arrives."""
    idle = np.ones(len(at), dtype=np.bool_)
    idle[1:] = busy[:-1] <= at[1:]
    return idle


def periods(idle: Bools, waits: Bools) -> list[tuple[int, int]]:
    """The ranges [from, to) between two idle instants in which a message waits."""
    starts = np.flatnonzero(idle)
    ends = np.append(starts[1:], len(idle))
    some = np.add.reduceat(waits.astype(np.int64), starts) > 0 if len(starts) else np.zeros(0, dtype=np.bool_)
    return list(zip(starts[some].tolist(), ends[some].tolist(), strict=True))


def served(at: Ints, rank: Ints, cost: Ints) -> Ints:
    """When each message's turn comes at one server; the lowest rank first, then the earliest.

    A message in service is not interrupted. Arrivals may be in any order. A cost is above 0, since the order
    of messages without cost at the same instant would be undefined.
    """
    order = np.lexsort((rank, at))
    at, rank, cost = at[order], rank[order], cost[order]
    busy = busy_until(at, cost)
    begun = at.copy()
    for first, end in periods(idle_at(at, busy), busy - cost > at):
        _serve(at[first:end].tolist(), rank[first:end].tolist(), cost[first:end].tolist(), begun[first:end])
    found = np.empty_like(begun)
    found[order] = begun
    return found


def _serve(at: list[int], rank: list[int], cost: list[int], begun: Ints) -> None:
    """One busy period, message by message."""
    waiting: list[tuple[int, int]] = []
    free, number, count = at[0], 0, len(at)
    while number < count or waiting:
        if not waiting and at[number] > free:
            free = at[number]
        while number < count and at[number] <= free:
            heapq.heappush(waiting, (rank[number], number))
            number += 1
        _, served = heapq.heappop(waiting)
        begun[served] = free
        free += cost[served]
