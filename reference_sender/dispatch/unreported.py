"""Asks providers for reports that are missing past their time, by a status query for each message.

A query is repeated at growing intervals while the message is not final at the provider. Few are made at once,
and each takes a token of the route's requests, so they never displace messages for long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush

from reference_sender.dispatch.awaiting import Awaiting
from reference_sender.dispatch.route import RouteState
from reference_sender.dispatch.settings import DispatchSettings
from reference_sender.dispatch.values import NS_PER_S, AskReport, Effect

_AT_ONCE = 4
_RETRY_NS = 1_000_000_000  # the route has no token, or is stopped
_TOKENS_LEFT = 1


class Unreported:
    """SENT messages of ``awaiting`` that are older than ``after_ns``, on routes that answer queries."""

    def __init__(self, awaiting: Awaiting, routes: Mapping[str, RouteState], after_ns: int) -> None:
        self._awaiting = awaiting
        self._routes = routes
        self._after_ns = after_ns
        self._step_ns = max(1, after_ns // 100)  # limits how often the table is scanned
        self._scanned_ns = -1  # messages sent until then are in ``_due``, or have ended
        self._earliest_ns = 0  # of the next scan: the newest message may have ended, and older ones wait
        self._scan_ns: int | None = None
        self._due: list[tuple[int, str, int]] = []  # when, key, wait after it
        self._asked: dict[str, int] = {}

    @property
    def kept(self) -> int:
        """Messages to be asked about."""
        return len(self._due) + len(self._asked)

    def next_ns(self) -> int | None:
        """The earliest time at which ``run`` may have work, unless an answer comes first."""
        if not self._awaiting.complete:  # a scan would take the older messages for known
            return None
        if self._scan_ns is not None and not self._due:
            return self._scan_ns
        if self._scan_ns is None and self._awaiting.index.by_key:
            newest = self._awaiting.newest_ns
            if newest > self._scanned_ns:
                oldest_ns = max(self._awaiting.oldest_ns(), self._scanned_ns + 1)
                self._scan_ns = max(oldest_ns + self._after_ns, self._earliest_ns)
        due_ns = self._due[0][0] if self._due and len(self._asked) < _AT_ONCE else None
        if due_ns is None or self._scan_ns is None:
            return self._scan_ns if due_ns is None else due_ns
        return min(due_ns, self._scan_ns)

    def run(self, now_ns: int, effects: list[Effect]) -> None:
        """Ask what is due."""
        if self._scan_ns is not None and self._scan_ns <= now_ns:
            self._scan(now_ns)
        due = self._due
        while due and len(self._asked) < _AT_ONCE and due[0][0] <= now_ns:
            _, key, wait_ns = heappop(due)
            sent = self._awaiting.index.by_key.get(key)
            if sent is None or sent.route is None or sent.provider_id is None:
                continue
            route = self._routes[sent.route]
            if route.blocked_until(now_ns) or route.requests.available(now_ns) <= _TOKENS_LEFT:
                heappush(due, (now_ns + _RETRY_NS, key, wait_ns))
                continue
            route.requests.spend(1)
            self._asked[key] = wait_ns
            effects.append(AskReport(sent.route, key, sent.provider_id))

    def answered(self, now_ns: int, key: str, final: bool) -> None:
        """The answer came. Raises ``ValueError`` for a key that was not asked about."""
        wait_ns = self._asked.pop(key, None)
        if wait_ns is None:
            raise ValueError(f"{key} was not asked about")
        if not final:
            heappush(self._due, (now_ns + wait_ns, key, 2 * wait_ns))

    def _scan(self, now_ns: int) -> None:
        latest_ns = now_ns - self._after_ns
        self._scan_ns = None
        self._earliest_ns = now_ns + self._step_ns
        for key, sent in self._awaiting.index.by_key.items():
            if sent.at_ns > latest_ns:
                self._scan_ns = max(sent.at_ns + self._after_ns, self._earliest_ns)
                break
            if sent.at_ns > self._scanned_ns and sent.route in self._routes and sent.provider_id is not None:
                heappush(self._due, (now_ns, key, self._after_ns))
        self._scanned_ns = latest_ns


def unreported_of(
    settings: DispatchSettings, awaiting: Awaiting, routes: Sequence[RouteState]
) -> Unreported | None:
    """None if no route answers status queries, or the settings ask for none."""
    answering = {each.name: each for each in routes if each.limits.answers_status}
    if not answering or settings.report_query_s is None:
        return None
    return Unreported(awaiting, answering, int(settings.report_query_s * NS_PER_S))
