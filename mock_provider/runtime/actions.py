"""Performs the actions of all protocols. Every request gets its reply here.

Only this module puts accepted submits into the inbox, records refused ones, and applies an outage to requests
that do not reach the engine. (The engine applies an outage to submits itself.)
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Generic

from msgspec import Struct

from mock_provider.engine.faults.hooks import RequestInterruption
from mock_provider.engine.values import INVALID_REQUEST, Accepted, Answer
from mock_provider.inbox.refusals import Refusals
from mock_provider.inbox.store import Inbox
from mock_provider.protocols.actions import ErrorReplies, Instants, QueryAction, R, Respond, SubmitAction
from mock_provider.protocols.lookups import Lookups
from mock_provider.runtime.clock_driver import ClockDriver
from mock_provider.settings.values import Refusal

log = logging.getLogger(__name__)


class _PendingSubmit(Struct, Generic[R], frozen=True, gc=False):
    """The ``OnAnswer`` of a submit: a callback that the garbage collector does not track."""

    inbox: Inbox
    refusals: Refusals
    action: SubmitAction[R]
    wall_s: float
    respond: Respond[R]
    errors: ErrorReplies[R]

    def __call__(self, answer: Answer | None) -> None:
        """Reply to the submit; None: cut the connection."""
        if answer is None:
            self.respond(None)
            return
        action, refusal = self.action, None
        submit = action.submit
        if not isinstance(answer, Accepted):
            refusal = answer.reason
        elif not submit.options.validate_only:
            self.inbox.remember(submit, answer, self.wall_s)
        try:
            reply = action.render(answer)
        except Exception:  # other replies that are due now must still be given
            log.exception("rendering a reply failed")
            reply = self.errors.failed
        if refusal is not None:
            error = self.errors.read(reply)
            self.refusals.of_submit(time.monotonic_ns(), submit, refusal, reply, error)
        self.respond(reply)


class ActionRunner:
    def __init__(self, driver: ClockDriver, lookups: Lookups, inbox: Inbox, refusals: Refusals) -> None:
        self._driver = driver
        self._lookups = lookups
        self._inbox = inbox
        self._refusals = refusals
        self.next_request_id: Callable[[], int] = driver.next_request_id
        self.forget: Callable[[int], None] = driver.forget
        self.advance: Callable[[], None] = driver.advance

    def submit(
        self, at: Instants, action: SubmitAction[R], respond: Respond[R], errors: ErrorReplies[R]
    ) -> int | None:
        """Submit to the engine; ``respond`` gets the reply now or later.

        Returns None if it was called, else the number for ``forget``.
        """
        pending = _PendingSubmit(self._inbox, self._refusals, action, at.wall_s, respond, errors)
        return self._driver.submit(at.now_ns, action.submit, pending)

    def query(
        self,
        now_ns: int,
        action: QueryAction[R] | R,
        respond: Respond[R],
        errors: ErrorReplies[R],
        backup_host: bool = False,
    ) -> R | None:
        """Answer a query, or give a reply that is ready. In an outage that hangs, ``respond`` is not called.

        Returns the reply; None if an outage took its place.
        """
        outage = self.outage(now_ns, backup_host)
        if outage is not None:
            if not outage.hang:
                respond(None if outage.disconnect else errors.unavailable)
            return None
        reply = action.answer(self._lookups) if isinstance(action, QueryAction) else action
        respond(reply)
        return reply

    def note_unread(self, now_ns: int, protocol: str, keys: Sequence[str], unauthorized: bool) -> None:
        """A protocol has refused a request as it read it, with messages of these journey keys."""
        if keys:
            reason = Refusal.UNAUTHORIZED.value if unauthorized else INVALID_REQUEST
            self._driver.engine.note_unread(now_ns, protocol, keys, reason)

    def outage(self, now_ns: int, backup_host: bool = False) -> RequestInterruption | None:
        """The present outage."""
        return self._driver.engine.outage(now_ns, backup_host)

    def remember_unanswered(self) -> None:
        """Put messages into the inbox that the engine accepted and whose reply a fault suppressed."""
        for submit, accepted in self._driver.engine.take_unanswered():
            self._inbox.remember(submit, accepted, time.time())
