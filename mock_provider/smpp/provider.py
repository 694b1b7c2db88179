"""What SMPP connections and their listener ask of the provider behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mock_provider.engine import MessageView
from mock_provider.engine.faults.hooks import Interruption
from mock_provider.engine.values import Submit
from mock_provider.profiles import Profile
from mock_provider.protocols.actions import OnAnswer


class SmppSubmissions(Protocol):
    """The way of a submit to the engine."""

    def next_request_id(self) -> int:
        """The ``Submit.request_id`` of the next submit."""

    def submit(self, now_ns: int, wall_s: float, submit: Submit, on_answer: OnAnswer) -> int | None:
        """None if ``on_answer`` was called, else a number by which the wait can be given up."""

    def forget(self, request_id: int) -> None:
        """The client has gone: ``on_answer`` must not be called."""

    def advance(self) -> None:
        """Let the engine do what is due now. Not for a handler of an answer."""

    def outage(self, now_ns: int) -> Interruption | None:
        """The outage that applies now."""


class SmppLookups(Protocol):
    """Messages by their ids."""

    def view(self, provider_id: str) -> MessageView | None:
        """What the engine knows of a message, or None."""

    def cancel(self, token: str, provider_ids: Sequence[str]) -> Sequence[str]:
        """Remove scheduled messages; the ids that were removed."""


class SmppProvider(Protocol):
    """The provider, as far as SMPP needs it."""

    @property
    def profile(self) -> Profile:
        """The present settings; another object after each change."""

    @property
    def wall_offset_ns(self) -> int:
        """What is added to the engine's time to get unix time."""

    @property
    def submissions(self) -> SmppSubmissions: ...

    @property
    def lookups(self) -> SmppLookups: ...

    def reports_answered(self, batch_id: int, confirmed: bool) -> None:
        """A receiver has answered a batch of reports, or has not in time."""
