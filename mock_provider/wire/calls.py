"""What passes between a wire and the server: plain requests and replies, and what a request asks for.

A wire's ``read`` turns a ``WireRequest`` into one of the calls below. A call that must wait for the engine
carries ``phrase``: the wire's own function from the engine's answer to the bytes of the reply. So the server
serves every wire alike and knows none of their formats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from mock_provider.engine import NumberView
from mock_provider.engine.values import Answer, SendProgress, SendReports, Submit

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # RFC 8259 §8.1: a reader of JSON may pass over it


class WireRequest(Struct, frozen=True, gc=False):
    """One HTTP request, body read. ``query`` is the raw query string, ``path`` is without it."""

    method: str
    path: str
    query: str
    content_type: str
    authorization: str
    body: bytes
    host: str = ""  # as the Host header has it, with its port


class Instants(Struct, frozen=True, gc=False):
    """The moment a request is read: on the engine's clock, and on the wall's for dates."""

    now_ns: int
    wall_s: float


class WireReply(Struct, frozen=True, gc=False):
    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


class Send(Struct, frozen=True, gc=False):
    """Submit to the engine; answer when its Reply effect comes.

    A hundred thousand may wait: nothing that ``phrase`` holds may lead back to the Send.
    """

    submit: Submit
    phrase: Callable[[Answer], WireReply]


class Cancel(Struct, frozen=True):
    """Remove scheduled messages; ``phrase`` gets the ids that were removed, or None for an unknown token."""

    token: str
    provider_ids: tuple[str, ...]
    phrase: Callable[[Sequence[str] | None], WireReply]


class MessageStatus(Struct, frozen=True, gc=False):
    """What is known of one message. ``state`` is a MessageState value, or "" where the id is unknown."""

    provider_id: str
    state: str
    msisdn: str = ""
    client_ref: str | None = None
    segments: int = 0
    price: float = 0.0
    accepted_unix_s: int = 0


class StatusQuery(Struct, frozen=True):
    """Look messages up; ``phrase`` gets one status an id, in order, or None for an unknown token."""

    token: str
    provider_ids: tuple[str, ...]
    phrase: Callable[[Sequence[MessageStatus] | None], WireReply]


class AccountView(Struct, frozen=True, gc=False):
    """An account as its owner may see it."""

    name: str
    points: float


class AccountQuery(Struct, frozen=True):
    """Look the token's account up; ``phrase`` gets None where the token is no account's."""

    token: str
    phrase: Callable[[AccountView | None], WireReply]


class CapturedMessage(Struct, frozen=True, gc=False):
    """One message the provider took, as wires and the admin API show it. Times are unix s, None: not yet.

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
    wire: str
    state: str
    reason: str
    stage: str
    accepted_unix_s: float
    carrier_unix_s: float | None
    done_unix_s: float | None
    country: str = ""
    carrier: str = ""
    memo: str = ""  # what the wire left in ``Submit.memo``


class MessageFilter(Struct, frozen=True):
    """Which captured messages to list; what is left out asks nothing. Instants in unix seconds."""

    wire: str = ""
    number: str = ""
    sender: str = ""
    from_unix_s: float | None = None
    before_unix_s: float | None = None


class Desk(Protocol):
    """What a wire may look up while it answers. No call of it is an input of the engine, but ``cancel``."""

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
        """Give wires this message without its text from now on; the inbox keeps it whole."""

    def withdraw(self, provider_id: str) -> None:
        """Give wires this message no more; the inbox keeps it."""


class Consult(Struct, frozen=True):
    """Answer from what the provider knows, at once. ``answer`` checks the account itself."""

    answer: Callable[[Desk], WireReply]


Call = WireReply | Send | Cancel | StatusQuery | AccountQuery | Consult


class ReportCall(Struct, frozen=True):
    """One HTTP call that carries delivery reports.

    Confirmed by ``confirming_body`` at HTTP 200; where that is None, by any status of 200 to 299.
    """

    method: str
    url: str
    confirming_body: bytes | None
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    user_agent: str = "smsbench-provider"


class Wire(Protocol):
    """A provider's protocol, as pure translation."""

    @property
    def name(self) -> str:
        """The wire's name in ``Submit.wire`` and in the journal."""

    @property
    def paths(self) -> frozenset[str]:
        """The request paths that are this wire's."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Beginnings of other paths that are this wire's; each ends with a slash."""

    def read(self, request: WireRequest, request_id: int, at: Instants) -> Call:
        """What the request asks for. Never raises: malformed input gets the protocol's own error."""

    def unavailable(self) -> WireReply:
        """What any request is answered during an outage that refuses."""

    def report_calls(self, effect: SendReports, wall_offset_ns: int) -> Sequence[ReportCall]:
        """The HTTP calls that carry these reports; wall time is the engine's time plus ``wall_offset_ns``."""

    def progress_call(self, effect: SendProgress, wall_offset_ns: int) -> ReportCall | None:
        """The HTTP call that says so; None where the protocol has no word for it."""
