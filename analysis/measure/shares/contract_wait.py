"""How long an ideal sender's messages wait for the contract's limits before they are sent.

The ideal sender knows the limits and does not know future arrivals. It never pauses while a message waits and
the limits allow a send. It sends classes by priority and fills each request. Within a class it keeps the
given order, since that order (order of arrival, fair share per campaign) is a rule of the sender and
not a delay. It keeps messages that the provider's accept queue could not pass on yet, so that a later message
of a higher class can go first. So the drain rate of the accept queue is a limit of the ideal sender.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Ints
from analysis.measure.contract_limits import (
    CONCURRENT,
    DRAIN,
    LIMITS,
    REQUESTS,
    SEGMENTS,
    Bucket,
    ContractLimits,
)
from analysis.measure.shares.queueing import busy_until, idle_at, periods

_BEFORE_ALL_NS = -(2**62)


@dataclass(frozen=True)
class ContractWaits:
    """``at_ns``: when each message was sent. ``waits_ns``: its wait by limit, a column each; they add up to
    the whole wait.
    """

    at_ns: Ints
    waits_ns: Ints


def wait_for_contract(
    at: Ints, rank: Ints, turn: Ints, segments: Ints, reply: Ints, limits: ContractLimits
) -> ContractWaits:
    """``at`` is when the sender got each message, in any order; ``reply`` how long its answer takes.

    The waiting message with the lowest ``rank`` (its class), then the lowest ``turn``, goes first.
    """
    order = np.lexsort((turn, rank, at))
    at, rank, turn, segments, reply = at[order], rank[order], turn[order], segments[order], reply[order]
    sent, waits_ns = at.copy(), np.zeros((len(at), LIMITS), dtype=np.int64)
    if limits.delay_sends and len(at):
        idle, waits = _one_by_one(at, segments, reply, limits)
        ranges = periods(idle, waits)
        if ranges:
            # Lists, since single elements of arrays are slow to read.
            listed = at.tolist(), rank.tolist(), turn.tolist(), segments.tolist(), reply.tolist()
            queue = ContractQueue(*listed, limits)
            reached = 0
            for first, end in ranges:
                if end > reached:
                    reached = queue.advance(max(first, reached), end)
            for number, (at_ns, by_limit) in queue.waited.items():
                sent[number], waits_ns[number] = at_ns, by_limit
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return ContractWaits(sent[back], waits_ns[back])


def _one_by_one(at: Ints, segments: Ints, reply: Ints, limits: ContractLimits) -> tuple[Bools, Bools]:
    """Idle instants and waiting messages if each message were a request of its own, in order of arrival.

    If no message waits between two idle instants, none waits with any other order or batching.
    """
    idle, waits = np.ones(len(at), dtype=np.bool_), np.zeros(len(at), dtype=np.bool_)
    for bucket, units in ((limits.requests, np.ones_like(at)), (limits.segments, segments)):
        if bucket is not None:
            busy = busy_until(at, np.minimum(units, bucket.burst) * bucket.unit_ns)
            idle &= idle_at(at, busy)
            waits |= busy - bucket.room_ns > at
    if limits.drain_ns:
        cost = segments * limits.drain_ns
        busy = busy_until(at, cost)
        idle &= idle_at(at, busy)
        waits |= busy - cost > at
    if limits.concurrent is not None:
        ends = at + reply
        # An answer at the very instant is not counted: it may be that of a later message of this instant.
        unanswered = np.arange(1, len(at) + 1) - np.searchsorted(np.sort(ends), at, side="left")
        idle &= idle_at(at, np.maximum.accumulate(ends))
        waits |= unanswered > limits.concurrent
    return idle, waits


class _Level:
    """A token bucket, represented by the instant at which it is full again."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self.full_ns = _BEFORE_ALL_NS

    def ready_ns(self, units: int) -> int:
        """When the bucket has that number of units; at most the bucket's size."""
        bucket = self._bucket
        return self.full_ns + min(units, bucket.burst) * bucket.unit_ns - bucket.room_ns

    def take(self, now_ns: int, units: int) -> None:
        bucket = self._bucket
        self.full_ns = max(self.full_ns, now_ns) + min(units, bucket.burst) * bucket.unit_ns


class ContractQueue:
    """Simulates busy periods; its state continues from one to the next."""

    def __init__(
        self,
        at: list[int],
        rank: list[int],
        turn: list[int],
        segments: list[int],
        reply: list[int],
        limits: ContractLimits,
    ) -> None:
        self._at, self._rank, self._turn = at, rank, turn
        self._segments, self._reply = segments, reply
        self._limits = limits
        self._requests = _Level(limits.requests) if limits.requests else None
        self._tokens = _Level(limits.segments) if limits.segments else None
        self._drained_ns = _BEFORE_ALL_NS
        self._unanswered: list[int] = []  # heap of the instants of the answers
        # Per class, a heap of (turn, number).
        self._queues: list[list[tuple[int, int]]] = [[] for _ in range(max(rank, default=0) + 1)]
        # Number -> when it was sent, and its wait by limit.
        self.waited: dict[int, tuple[int, list[int]]] = {}
        self._spent = [0] * LIMITS  # time in which no message could be sent, by limit
        self._spent_before: dict[int, list[int]] = {}  # of each waiting message, at its arrival

    def advance(self, first: int, end: int) -> int:
        """Pass messages from ``first`` to ``end`` or the next idle arrival; return its number."""
        at, count, queues = self._at, len(self._at), self._queues
        number, now_ns = first, at[first]
        while True:
            while number < count and at[number] <= now_ns:
                heapq.heappush(queues[self._rank[number]], (self._turn[number], number))
                self._spent_before[number] = list(self._spent)
                number += 1
            queue = next((each for each in queues if each), None)
            if queue is None:
                if number >= count or (number >= end and self._is_idle(at[number])):
                    return number
                now_ns = at[number]
                continue
            ready_ns, why = self._ready(self._segments[queue[0][1]], now_ns)
            if ready_ns <= now_ns:
                self._send(queue, now_ns)
                continue
            # A message that arrives earlier may have a higher class.
            then_ns = min(ready_ns, at[number]) if number < count else ready_ns
            self._spent[why] += then_ns - now_ns
            now_ns = then_ns

    def _is_idle(self, at_ns: int) -> bool:
        levels = [level for level in (self._requests, self._tokens) if level is not None]
        full = all(level.full_ns <= at_ns for level in levels)
        return full and self._drained_ns <= at_ns and max(self._unanswered, default=at_ns) <= at_ns

    def _ready(self, segments: int, now_ns: int) -> tuple[int, int]:
        """When the next request may be sent, and the limit that decides this."""
        ready = self._drained_ns, DRAIN
        if self._requests is not None:
            ready = max(ready, (self._requests.ready_ns(1), REQUESTS))
        if self._tokens is not None:
            ready = max(ready, (self._tokens.ready_ns(segments), SEGMENTS))
        if self._limits.concurrent is not None:
            answers = self._unanswered
            while answers and answers[0] <= now_ns:
                heapq.heappop(answers)
            if len(answers) >= self._limits.concurrent:
                ready = max(ready, (answers[0], CONCURRENT))
        return ready

    def _next_request_ns(self, now_ns: int) -> int:
        """When another request may follow, as far as requests are limited."""
        next_ns = now_ns
        if self._requests is not None:
            next_ns = max(next_ns, self._requests.ready_ns(1))
        concurrent = self._limits.concurrent
        if concurrent is not None and len(self._unanswered) >= concurrent:
            next_ns = max(next_ns, self._unanswered[0])
        return next_ns

    def _send(self, queue: list[tuple[int, int]], now_ns: int) -> None:
        """One request with all messages that can be sent before the next request may follow."""
        if self._requests is not None:
            self._requests.take(now_ns, 1)
        if self._limits.concurrent is not None:
            heapq.heappush(self._unanswered, now_ns + self._reply[queue[0][1]])
        next_ns = self._next_request_ns(now_ns)
        self._let_pass(heapq.heappop(queue)[1], now_ns, now_ns)
        for _ in range(self._limits.batch - 1):
            passes_ns = max(now_ns, self._drained_ns)
            if not queue or passes_ns >= next_ns:
                return
            if self._tokens is not None and self._tokens.ready_ns(self._segments[queue[0][1]]) > now_ns:
                return
            self._let_pass(heapq.heappop(queue)[1], now_ns, passes_ns)

    def _let_pass(self, number: int, sent_ns: int, passes_ns: int) -> None:
        """From ``sent_ns`` to ``passes_ns`` the message waits in the accept queue."""
        segments = self._segments[number]
        if self._tokens is not None:
            self._tokens.take(sent_ns, segments)
        if self._limits.drain_ns:
            self._drained_ns = passes_ns + segments * self._limits.drain_ns
        before = self._spent_before.pop(number)
        if passes_ns > self._at[number]:
            by_limit = [spent - earlier for spent, earlier in zip(self._spent, before, strict=True)]
            by_limit[DRAIN] += passes_ns - sent_ns
            self.waited[number] = passes_ns, by_limit
