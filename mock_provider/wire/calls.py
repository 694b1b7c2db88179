"""What passes between a wire and the server: plain requests and replies, and what a request asks for.

A wire's ``read`` turns a ``WireRequest`` into one of the calls below. A call that must wait for the engine
carries ``phrase``: the wire's own function from the engine's answer to the bytes of the reply. So the server
serves every wire alike and knows none of their formats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from mock_provider.engine.values import Answer, SendReports, Submit

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class WireRequest(Struct, frozen=True, gc=False):
    """One HTTP request, body read. ``query`` is the raw query string, ``path`` is without it."""

    method: str
    path: str
    query: str
    content_type: str
    authorization: str
    body: bytes


class Instants(Struct, frozen=True, gc=False):
    """The moment a request is read: on the engine's clock, and on the wall's for dates."""

    now_ns: int
    wall_s: float


class WireReply(Struct, frozen=True, gc=False):
    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


class Send(Struct, frozen=True):
    """Submit to the engine; answer when its Reply effect comes."""

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


Call = WireReply | Send | Cancel | StatusQuery | AccountQuery


class ReportCall(Struct, frozen=True):
    """One HTTP call that carries delivery reports. It is confirmed by ``confirming_body`` at HTTP 200."""

    method: str
    url: str
    confirming_body: bytes
    body: bytes = b""
    content_type: str = ""


class Wire(Protocol):
    """A provider's protocol, as pure translation."""

    @property
    def name(self) -> str:
        """The wire's name in ``Submit.wire`` and in the journal."""

    @property
    def paths(self) -> frozenset[str]:
        """The request paths that are this wire's."""

    def read(self, request: WireRequest, request_id: int, at: Instants) -> Call:
        """What the request asks for. Never raises: malformed input gets the protocol's own error."""

    def unavailable(self) -> WireReply:
        """What any request is answered during an outage that refuses."""

    def report_calls(self, effect: SendReports, wall_offset_ns: int) -> Sequence[ReportCall]:
        """The HTTP calls that carry these reports; wall time is the engine's time plus ``wall_offset_ns``."""
