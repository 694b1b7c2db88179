"""One sender as two dispatchers: the first sends messages, the second takes the delivery reports.

A message passes from the first to the second when a provider has accepted it. With one route, no hedging and
no status queries, nothing passes back, so each may have a process of its own in virtual time
(``loadtests/simulate/two_processes.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

from reference_sender.dispatch.awaiting import Awaiting, Sent
from reference_sender.dispatch.dispatcher import Dispatcher
from reference_sender.dispatch.settings import DispatchSettings
from reference_sender.dispatch.values import Change, RouteLimits

NEVER_NS = 2**63


class _AwaitedElsewhere(Awaiting):
    """Keeps nothing: another dispatcher awaits the reports."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(0)
        self.next_ns = NEVER_NS

    def add(self, at_ns: int, messages: Sequence[tuple[str, Sent]]) -> None:
        """As ``Awaiting``."""

    def add_one(self, at_ns: int, key: str, sent: Sent) -> None:
        """As ``Awaiting``."""


class FirstDispatcher(Dispatcher):
    """Up to the provider's acceptance. It may have a deadline at ``NEVER_NS``."""

    def __init__(self, settings: DispatchSettings, routes: tuple[RouteLimits, ...], seed: int) -> None:
        """As ``Dispatcher``."""
        super().__init__(settings, routes, seed)
        self._states.awaiting = _AwaitedElsewhere()


class SecondDispatcher(Dispatcher):
    """From the acceptance to the end. Its figures and counts of campaigns are not kept."""

    def sent(self, change: Change) -> None:
        """Await the report of a message that is SENT, in the order of the changes."""
        at_ns = change.at_ns
        self._move_clock(at_ns)
        sent = Sent(
            change.message_id,
            change.attempts,
            change.provider_id,
            at_ns,
            0,
            at_ns,
            change.state,
            change.route,
        )
        self._states.awaiting.add(at_ns, [(change.key, sent)])
        if self._next_due_ns is None:
            self._next_due_ns = self._due_ns()
