"""What a provider's package must offer: its limits as values, its formats as pure functions.

Such a package translates and does no I/O. ``client.py`` makes its requests, ``api/reports.py`` receives its
reports, and the simulation passes the same bytes without sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Protocol

from msgspec import Struct

from reference_sender.dispatch.values import NS_PER_S, Message, Outcome, Report, Result

MAX_REPORTS = 10_000  # in one report call


class RouteAccount(Struct, frozen=True):
    """A route's address and account."""

    url: str  # URL of the API, without a query
    user: str  # empty where a token alone identifies the account
    secret: str
    sender_id: str  # sender of messages that name none
    report_url: str = ""  # where the provider sends reports

    def __repr__(self) -> str:
        return f"RouteAccount({self.url!r})"  # without the secret: this may end in a log


class ProviderRequest(Struct, frozen=True, gc=False):
    """One HTTP request to the provider."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


class NoReply(Enum):
    """Why there is no reply."""

    NOT_SENT = "not_sent"  # no connection was made: the provider did not get the request
    NO_ANSWER = "no_answer"  # the request may have arrived: a time-out, a broken connection
    TOO_LARGE = "reply_too_large"  # the request arrived, but its reply was not read to its end


class ProviderReply(Struct, frozen=True, gc=False):
    """The provider's HTTP reply, or why there is none. ``received_s`` is our clock, in Unix seconds."""

    status: int = 0
    body: bytes = b""
    retry_after: str | None = None
    date: str | None = None
    received_s: float = 0.0
    failure: NoReply | None = None


class ReportRequest(Struct, frozen=True, gc=False):
    """An HTTP request of a provider with delivery reports. ``url`` is as the provider requested it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def query(self) -> str:
        return self.url.partition("?")[2]


class Confirmation(Struct, frozen=True):
    """The HTTP answer that confirms reports to a provider."""

    status: int
    body: bytes = b""


class MalformedReport(ValueError):
    """A report call that cannot be read, names no message or no status, or carries too many reports."""


class ForgedReport(ValueError):
    """A report call without the signature of the account's provider."""


class MessageLookup(Protocol):
    """Asks a provider whether it has a message whose submit got no reply."""

    def request(self, message: Message) -> ProviderRequest: ...

    def found(self, message: Message, since_s: float, reply: ProviderReply) -> Sequence[Report] | None:
        """Reports about the provider's messages that may be ``message``, created since ``since_s`` (our
        clock, Unix seconds), oldest first; None if the reply gives no result.
        """
        ...


class StatusQuery(Protocol):
    """Asks a provider for the state of a message that it accepted."""

    def request(self, provider_id: str) -> ProviderRequest: ...

    def found(self, provider_id: str, key: str, reply: ProviderReply) -> Report | None:
        """The state as a report with ``key``; None if the reply gives none."""
        ...


class BalanceQuery(Protocol):
    """Asks a provider for the account's balance."""

    def request(self) -> ProviderRequest: ...

    def found(self, reply: ProviderReply) -> float | None:
        """The balance in the provider's unit (points, or a currency); None if the reply gives none."""
        ...


class RouteProtocol(Protocol):
    """A provider's formats, for one account."""

    @property
    def lookup(self) -> MessageLookup | None:
        """How to look a message up; None if the provider's duplicate check makes that unnecessary."""
        ...

    def fitting(self, messages: Sequence[Message]) -> Sequence[Message]:
        """The messages of ``messages`` that fit in one request, at least one."""
        ...

    def encode(self, messages: Sequence[Message], now_ns: int, wall_ahead_ns: int = 0) -> ProviderRequest:
        """One request for all of ``messages``, which share a lane and a sender name. ``wall_ahead_ns`` makes
        Unix time of the sender's instants.
        """
        ...

    def interpret(self, messages: Sequence[Message], reply: ProviderReply) -> Sequence[Result]:
        """The result of each of ``messages``, which were one request."""
        ...

    def read_reports(self, request: ReportRequest) -> list[Report]:
        """Raises ``MalformedReport`` or ``ForgedReport``."""
        ...


class RouteDefinition(Struct, frozen=True, kw_only=True):
    """A provider's package as the registry knows it. Options of a route's URL may lower its limits.

    The provider refuses a message whose key it accepted less than ``idempotency_window_s`` ago, so until then
    a message without an answer may be repeated. 0: it has no such check. Then such a message is not repeated,
    but looked up for ``lookup_window_s`` (0: not at all).
    """

    name: str  # ``name+http://`` begins the route's URL; also in report addresses and default route names
    credentials: str  # in the URL, before the @: ``TOKEN``, or ``USER:SECRET`` with the provider's own terms
    path: str  # of a URL without one
    max_batch: int  # messages in one request
    default_batch: int
    max_segments: int  # of one message
    sender_id: str | None  # of messages that name none; None: the URL must give it
    is_sender_pool: Callable[[str], bool] | None = None  # a sender id that only the URL may have
    example_user: str = ""  # where the credentials have one: of a simulated account
    example_sender_id: str = ""  # where the URL must give the sender: of a simulated account
    idempotency_window_s: float
    lookup_window_s: float = 0.0
    confirmation: Confirmation
    protocol: Callable[[RouteAccount], RouteProtocol]
    status: Callable[[RouteAccount], StatusQuery] | None = None  # None: the provider has no such query
    balance: Callable[[RouteAccount], BalanceQuery] | None = None  # the same


_SPLIT = Result(Outcome.SPLIT, reason="cannot_share_a_request")


def results_of_all(
    messages: Sequence[Message], fitting: Sequence[Message], found: Sequence[Result]
) -> Sequence[Result]:
    """Results for all ``messages``, of which one request had only ``fitting``: the others are then sent
    alone.
    """
    if len(fitting) == len(messages):
        return found
    by_id = {message.message_id: result for message, result in zip(fitting, found, strict=True)}
    return [by_id.get(message.message_id, _SPLIT) for message in messages]


def shared_expiry_s(messages: Sequence[Message], tolerance_s: int) -> int | None:
    """When the last of ``messages`` expires, in seconds of the sender's clock. None if another expires more
    than ``tolerance_s`` earlier.
    """
    latest_s = messages[0].expires_ns // NS_PER_S
    if len(messages) > 1:
        expiries = [message.expires_ns for message in messages]
        latest_s = max(expiries) // NS_PER_S
        if latest_s - min(expiries) // NS_PER_S > tolerance_s:
            return None
    return latest_s


def same_for_all(messages: Sequence[Message], result: Result) -> list[Result]:
    """``result`` for each of ``messages``."""
    return [result] * len(messages)
