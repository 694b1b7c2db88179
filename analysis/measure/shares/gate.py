"""How long an ideal sender's messages wait for the contract's limits before they are on their way.

The ideal sender knows the limits and nothing of the future. It never rests while something waits and the
limits let it pass, sends classes in the order of their priority, and puts together what a request may hold.
Within a class it keeps the order that it is given: whose turn it is there (first come, a fair share for each
campaign) is a rule of the sender's, not a delay.
It keeps back what the provider's accept queue could not pass on yet, so that a later message of a higher
class can go first: the queue's drain counts here, as if it stood at the sender's door.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Ints
from analysis.measure.shares.limits import (
    CONCURRENT,
    DRAIN,
    NO_CAUSE,
    REQUESTS,
    SEGMENTS,
    Bucket,
    ContractLimits,
)
from analysis.measure.shares.queueing import busy_until, idle_at, periods

_BEFORE_ALL_NS = -(2**62)


@dataclass(frozen=True)
class GatePassage:
    """``at_ns``: when each message passed. ``cause``: the limit it waited for, NO_CAUSE: it did not wait."""

    at_ns: Ints
    cause: Ints


def pass_gate(
    at: Ints, rank: Ints, turn: Ints, segments: Ints, reply: Ints, limits: ContractLimits
) -> GatePassage:
    """``at`` is when the sender was given each message, in any order; ``reply`` how long its answer takes.

    Of the messages that wait, the lowest ``rank`` goes first (its class), then the lowest ``turn``.
    """
    order = np.lexsort((turn, rank, at))
    at, rank, turn, segments, reply = at[order], rank[order], turn[order], segments[order], reply[order]
    passed, cause = at.copy(), np.full(len(at), NO_CAUSE, dtype=np.int64)
    if limits.at_the_gate and len(at):
        idle, waits = _one_by_one(at, segments, reply, limits)
        ranges = periods(idle, waits)
        if ranges:
            # Lists: single elements of arrays are slow to read.
            listed = at.tolist(), rank.tolist(), turn.tolist(), segments.tolist(), reply.tolist()
            gate = _Gate(*listed, limits)
            reached = 0
            for first, end in ranges:
                if end > reached:
                    reached = gate.play(max(first, reached), end)
            for number, (at_ns, why) in gate.waited.items():
                passed[number], cause[number] = at_ns, why
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return GatePassage(passed[back], cause[back])


def _one_by_one(at: Ints, segments: Ints, reply: Ints, limits: ContractLimits) -> tuple[Bools, Bools]:
    """Were each message a request of its own, first come, first served: idle instants, and who would wait.

    Between two idle instants in which nobody waits, nobody waits in any other order or batching either.
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
        unanswered = np.arange(1, len(at) + 1) - np.searchsorted(np.sort(ends), at, side="right")
        idle &= idle_at(at, np.maximum.accumulate(ends))
        waits |= unanswered > limits.concurrent
    return idle, waits


class _Level:
    """A token bucket in the form of the instant at which it is full again."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self.full_ns = _BEFORE_ALL_NS

    def ready_ns(self, units: int) -> int:
        """From when on so many units are there; more than the bucket holds are taken as all of it."""
        bucket = self._bucket
        return self.full_ns + min(units, bucket.burst) * bucket.unit_ns - bucket.room_ns

    def take(self, now_ns: int, units: int) -> None:
        bucket = self._bucket
        self.full_ns = max(self.full_ns, now_ns) + min(units, bucket.burst) * bucket.unit_ns


class _Gate:
    """Plays busy periods; what it holds goes from one into the next."""

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
        self._unanswered: list[int] = []  # when the answers come, as a heap
        # Of each class, as heaps of (turn, number).
        self._queues: list[list[tuple[int, int]]] = [[] for _ in range(max(rank, default=0) + 1)]
        self.waited: dict[int, tuple[int, int]] = {}  # number -> when it passed, and what it waited for

    def play(self, first: int, end: int) -> int:
        """Let messages from ``first`` pass, up to ``end`` or the first idle arrival after it; its number."""
        at, count, queues = self._at, len(self._at), self._queues
        number, now_ns, cause = first, at[first], NO_CAUSE
        while True:
            while number < count and at[number] <= now_ns:
                heapq.heappush(queues[self._rank[number]], (self._turn[number], number))
                number += 1
            queue = next((each for each in queues if each), None)
            if queue is None:
                if number >= count or (number >= end and self._is_idle(at[number])):
                    return number
                now_ns, cause = at[number], NO_CAUSE
                continue
            ready_ns, why = self._ready(self._segments[queue[0][1]], now_ns)
            if ready_ns <= now_ns:
                self._send(queue, now_ns, cause)
                continue
            cause = why
            # A message that comes before may be of a higher class.
            now_ns = min(ready_ns, at[number]) if number < count else ready_ns

    def _is_idle(self, at_ns: int) -> bool:
        levels = [level for level in (self._requests, self._tokens) if level is not None]
        full = all(level.full_ns <= at_ns for level in levels)
        return full and self._drained_ns <= at_ns and max(self._unanswered, default=at_ns) <= at_ns

    def _ready(self, segments: int, now_ns: int) -> tuple[int, int]:
        """From when on the next request may go, and the limit that says so."""
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
        """From when on another request may follow, as far as requests are limited."""
        next_ns = now_ns
        if self._requests is not None:
            next_ns = max(next_ns, self._requests.ready_ns(1))
        concurrent = self._limits.concurrent
        if concurrent is not None and len(self._unanswered) >= concurrent:
            next_ns = max(next_ns, self._unanswered[0])
        return next_ns

    def _send(self, queue: list[tuple[int, int]], now_ns: int, cause: int) -> None:
        """One request, with as many messages as can pass before the next request may follow."""
        if self._requests is not None:
            self._requests.take(now_ns, 1)
        if self._limits.concurrent is not None:
            heapq.heappush(self._unanswered, now_ns + self._reply[queue[0][1]])
        next_ns = self._next_request_ns(now_ns)
        self._let_pass(heapq.heappop(queue)[1], now_ns, now_ns, cause)
        for _ in range(self._limits.batch - 1):
            passes_ns = max(now_ns, self._drained_ns)
            if not queue or passes_ns >= next_ns:
                return
            if self._tokens is not None and self._tokens.ready_ns(self._segments[queue[0][1]]) > now_ns:
                return
            why = DRAIN if passes_ns > now_ns else cause
            self._let_pass(heapq.heappop(queue)[1], now_ns, passes_ns, why)

    def _let_pass(self, number: int, sent_ns: int, passes_ns: int, cause: int) -> None:
        segments = self._segments[number]
        if self._tokens is not None:
            self._tokens.take(sent_ns, segments)
        if self._limits.drain_ns:
            self._drained_ns = passes_ns + segments * self._limits.drain_ns
        if passes_ns > self._at[number]:
            self.waited[number] = passes_ns, cause
