"""The provider, as SMPP connections and their listener see it."""

from __future__ import annotations

from collections.abc import Sequence
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
        """None if ``respond`` was called, otherwise the number for ``forget``."""

    def query(
        self, now_ns: int, action: QueryAction[R] | R, respond: Respond[R], errors: ErrorReplies[R]
    ) -> R | None:
        """The reply, after ``respond`` got it. None: an outage replaced it."""

    def note_unread(self, now_ns: int, protocol: str, keys: Sequence[str], unauthorized: bool) -> None:
        """A submit with messages of these journey keys was refused as it was read."""

    def forget(self, request_id: int) -> None:
        """The client has disconnected: ``respond`` must not be called."""

    def advance(self) -> None:
        """Let the engine process due events. Do not call it while an answer is handled."""


class SmppProvider(Protocol):
    """The members of the provider that SMPP uses."""

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
        """A receiver has answered a batch of reports, or its time has passed."""
