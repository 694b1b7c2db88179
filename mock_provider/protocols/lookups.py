"""Lookups and cancellation for actions, and the values that they return."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from mock_provider.engine import MessageView, NumberView


class AccountView(Struct, frozen=True, gc=False):
    """An account as its owner sees it."""

    name: str
    points: float


class CapturedMessage(Struct, frozen=True, gc=False):
    """One accepted message, as protocols and the admin API show it. Times are unix s, None: not yet.

    ``state`` is a MessageState value, ``stage`` the name of a ``lifecycle.Stage``, or LOST; both are "" where
    the engine has forgotten the message.
    """

    provider_id: str
    number: str  # E.164 digits
    submitted_number: str
    sender: str
    text: str
    segments: int
    price: float
    key: str
    client_ref: str | None
    protocol: str
    state: str
    reason: str
    stage: str
    accepted_unix_s: float
    carrier_unix_s: float | None
    final_unix_s: float | None
    country: str = ""
    carrier: str = ""
    memo: str = ""  # ``Submit.memo``


class MessageFilter(Struct, frozen=True):
    """Which messages to list. An empty field matches all."""

    protocol: str = ""
    number: str = ""
    sender: str = ""


class CapturedMessages(Protocol):
    """The messages that the inbox keeps, with their texts."""

    def find(self, provider_id: str) -> CapturedMessage | None:
        """A message; None if it is no longer in the inbox."""

    def matching(self, wanted: MessageFilter) -> Iterator[CapturedMessage]:
        """Messages, newest first."""


class Lookups(Protocol):
    """Lookups for actions. Only ``cancel`` is an input of the engine."""

    @property
    def inbox(self) -> CapturedMessages:
        """Messages with their texts."""

    @property
    def wall_offset_ns(self) -> int:
        """Added to a time of the engine's clock to get unix time in nanoseconds."""

    def account(self, token: str) -> AccountView | None:
        """The account of a token, or None."""

    def view(self, provider_id: str) -> MessageView | None:
        """The engine's data of a message; None if the id is unknown or forgotten."""

    def number(self, msisdn: str) -> NumberView:
        """Country and carrier of a number, given as E.164 digits."""

    def cancel(self, token: str, provider_ids: Sequence[str]) -> Sequence[str]:
        """Cancel scheduled messages; returns the ids that were cancelled."""
