"""What a protocol may look up while it answers a request, and the values that it gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from mock_provider.engine import NumberView


class MessageStatus(Struct, frozen=True, gc=False):
    """What is known of one message. ``state`` is a MessageState value, or "" where the id is unknown."""

    provider_id: str
    state: str
    msisdn: str = ""
    client_ref: str | None = None
    segments: int = 0
    price: float = 0.0
    accepted_unix_s: int = 0


class AccountView(Struct, frozen=True, gc=False):
    """An account as its owner may see it."""

    name: str
    points: float


class CapturedMessage(Struct, frozen=True, gc=False):
    """One message the provider took, as protocols and the admin API show it. Times are unix s, None: not yet.

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
    done_unix_s: float | None
    country: str = ""
    carrier: str = ""
    memo: str = ""  # what the protocol left in ``Submit.memo``


class MessageFilter(Struct, frozen=True):
    """Which captured messages to list; what is left out asks nothing. Instants in unix seconds."""

    protocol: str = ""
    number: str = ""
    sender: str = ""
    from_unix_s: float | None = None
    before_unix_s: float | None = None


class Lookups(Protocol):
    """What a protocol may look up while it answers. Only ``cancel`` is an input of the engine."""

    def account(self, token: str) -> AccountView | None:
        """The account of a token, or None."""

    def message(self, provider_id: str) -> CapturedMessage | None:
        """A captured message, or None where the inbox has it no more."""

    def messages(self, wanted: MessageFilter) -> Iterator[CapturedMessage]:
        """Captured messages, newest first."""

    def number(self, msisdn: str) -> NumberView:
        """What the network knows of E.164 digits."""

    def cancel(self, token: str, provider_ids: Sequence[str]) -> Sequence[str]:
        """Remove scheduled messages; the ids that were removed."""

    def redact(self, provider_id: str) -> None:
        """Give protocols this message without its text from now on; the inbox keeps it whole."""

    def withdraw(self, provider_id: str) -> None:
        """Give protocols this message no more; the inbox keeps it."""
