"""Asks providers for reports that are missing past their time, by a status query for each message.

A query is repeated at growing intervals while the message is not final at the provider. Few are made at once,
and each takes a token of the route's requests, so they never displace messages for long. All messages of a
route that cannot be asked about now wait as one: an hour of a fast sender may be a million of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush

from msgspec import Struct

from reference_sender.dispatch.awaiting import Awaiting, Sent
from reference_sender.dispatch.backlog import Backlog
from reference_sender.dispatch.route import RouteState
from reference_sender.dispatch.settings import DispatchSettings
from reference_sender.dispatch.values import NS_PER_S, AskReport, Effect

_AT_ONCE = 4
_RETRY_NS = 1_000_000_000  # the route has no token, or is stopped
_TOKENS_LEFT = 1
_LOOKED_AT = 1_000  # messages in one run: most of them may have ended meanwhile


class _Queue(Struct):
    """The messages of one route."""

    route: RouteState
    due: list[tuple[int, str, int]]  # a heap: when, key, wait after it
    resume_ns: int = 0  # until then the route cannot be asked

    @property
    def next_ns(self) -> int:
        """When the next message is asked for. The queue is not empty."""
        return max(self.due[0][0], self.resume_ns)


class Unreported:
    """SENT messages of ``awaiting`` that are older than ``after_ns``, on routes that answer queries."""

    def __init__(
        self, awaiting: Awaiting, backlog: Backlog, routes: Mapping[str, RouteState], after_ns: int
    ) -> None:
        self._awaiting = awaiting
        self._backlog = backlog
        self._queues = {name: _Queue(route, []) for name, route in routes.items()}
        self._after_ns = after_ns
        self._step_ns = max(1, after_ns // 100)  # limits how often the table is scanned
        self._scanned_ns = -1  # messages sent until then are in a queue, or have ended
        self._earliest_ns = 0  # of the next scan: the newest message may have ended, and older ones wait
        self._scan_ns: int | None = None
        self._ran_ns = 0
        self._asked: dict[str, tuple[_Queue, int]] = {}  # by key, with the wait after it

    @property
    def kept(self) -> int:
        """Messages to be asked about."""
        return sum(len(each.due) for each in self._queues.values()) + len(self._asked)

    def taken_over(self, key: str, sent: Sent) -> None:
        """``sent`` was added to what is awaited. It may be older than what the last scan has seen."""
        queue = self._queues.get(sent.route or "")
        if queue is not None and sent.at_ns <= self._scanned_ns and sent.provider_id is not None:
            heappush(queue.due, (sent.at_ns + self._after_ns, key, self._after_ns))

    def next_ns(self) -> int | None:
        """The earliest time at which ``run`` may have work, unless an answer comes first."""
        if not self._awaiting.complete:  # a scan would take the older messages for known
            return None
        if self._scan_ns is None and self._awaiting.index.by_key:
            newest = self._awaiting.newest_ns
            if newest > self._scanned_ns:
                oldest_ns = max(self._awaiting.oldest_ns(), self._scanned_ns + 1)
                self._scan_ns = max(oldest_ns + self._after_ns, self._earliest_ns)
        first = self._first() if len(self._asked) < _AT_ONCE else None
        if first is None:
            return self._scan_ns
        due_ns = max(first.next_ns, self._ran_ns)  # the last run may have left some
        return due_ns if self._scan_ns is None else min(due_ns, self._scan_ns)

    def run(self, now_ns: int, effects: list[Effect]) -> None:
        """Ask what is due."""
        if self._scan_ns is not None and self._scan_ns <= now_ns:
            self._scan(now_ns)
        self._ran_ns = now_ns
        for _ in range(_LOOKED_AT):
            queue = self._first()
            if queue is None or queue.next_ns > now_ns or len(self._asked) >= _AT_ONCE:
                return
            route = queue.route
            _, key, wait_ns = queue.due[0]
            sent = self._awaiting.index.by_key.get(key)
            if sent is None or sent.route != route.name or sent.provider_id is None:
                heappop(queue.due)
                continue
            if route.blocked_until(now_ns) or not self._has_token(now_ns, route):
                queue.resume_ns = now_ns + _RETRY_NS
                continue
            heappop(queue.due)
            route.requests.spend(1)
            self._asked[key] = queue, wait_ns
            effects.append(AskReport(route.name, key, sent.provider_id))

    def answered(self, now_ns: int, key: str, final: bool) -> None:
        """The answer came. Raises ``ValueError`` for a key that has no status query."""
        asked = self._asked.pop(key, None)
        if asked is None:
            raise ValueError(f"{key} was not asked about")
        if not final:
            queue, wait_ns = asked
            heappush(queue.due, (now_ns + wait_ns, key, 2 * wait_ns))

    def _has_token(self, now_ns: int, route: RouteState) -> bool:
        """One token must be left for messages. A bucket for one token never leaves one: a query takes it if
        no message waits.
        """
        tokens = route.requests.available(now_ns)
        is_full = tokens == route.requests.capacity
        return tokens > _TOKENS_LEFT or (is_full and not any(self._backlog.waiting))

    def _first(self) -> _Queue | None:
        """The queue that is due first."""
        first = None
        for each in self._queues.values():
            if each.due and (first is None or each.next_ns < first.next_ns):
                first = each
        return first

    def _scan(self, now_ns: int) -> None:
        latest_ns = now_ns - self._after_ns
        self._scan_ns = None
        self._earliest_ns = now_ns + self._step_ns
        for key, sent in self._awaiting.index.by_key.items():
            if sent.at_ns > latest_ns:
                self._scan_ns = max(sent.at_ns + self._after_ns, self._earliest_ns)
                break
            queue = self._queues.get(sent.route or "")
            if queue is not None and sent.at_ns > self._scanned_ns and sent.provider_id is not None:
                heappush(queue.due, (now_ns, key, self._after_ns))
        self._scanned_ns = latest_ns


def unreported_of(
    settings: DispatchSettings, awaiting: Awaiting, backlog: Backlog, routes: Sequence[RouteState]
) -> Unreported | None:
    """None if no route answers status queries, or the settings ask for none."""
    answering = {each.name: each for each in routes if each.limits.answers_status}
    if not answering or settings.report_query_s is None:
        return None
    return Unreported(awaiting, backlog, answering, int(settings.report_query_s * NS_PER_S))
