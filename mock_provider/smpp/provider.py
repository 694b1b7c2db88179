"""The provider, as SMPP connections and their listener see it."""

from __future__ import annotations

from typing import Protocol

from mock_provider.engine.faults.hooks import RequestInterruption
from mock_provider.profiles import Profile
from mock_provider.protocols.actions import ErrorReplies, Instants, QueryAction, R, Respond, SubmitAction
from mock_provider.protocols.lookups import Lookups


class SmppActions(Protocol):
    """Performs actions (``runtime.actions.ActionRunner``)."""

    def next_request_id(self) -> int:
        """The ``Submit.request_id`` of the next submit."""

    def submit(
        self, at: Instants, action: SubmitAction[R], respond: Respond[R], errors: ErrorReplies[R]
    ) -> int | None:
        """None if ``respond`` was called, else the number for ``forget``."""

    def query(
        self, now_ns: int, action: QueryAction[R] | R, respond: Respond[R], errors: ErrorReplies[R]
    ) -> R | None:
        """The reply, which ``respond`` has got; None if an outage took its place."""

    def forget(self, request_id: int) -> None:
        """The client has disconnected: ``respond`` must not be called."""

    def advance(self) -> None:
        """Let the engine do what is due now. Not for a handler of an answer."""


class SmppProvider(Protocol):
    """The provider, as far as SMPP needs it."""

    @property
    def profile(self) -> Profile:
        """The present settings; another object after each change."""

    @property
    def actions(self) -> SmppActions: ...

    @property
    def lookups(self) -> Lookups: ...

    def outage(self) -> RequestInterruption | None:
        """The outage that applies now."""

    def reports_answered(self, batch_id: int, confirmed: bool) -> None:
        """A receiver has answered a batch of reports, or has not in time."""
