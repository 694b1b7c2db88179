"""What passes between a wire and the server: plain requests and replies, and what a request asks for.

A wire's ``read`` turns a ``WireRequest`` into one of the calls below. A call that must wait for the engine
carries ``phrase``: the wire's own function from the engine's answer to the bytes of the reply. So the server
serves every wire alike and knows none of their formats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from mock_provider.engine.values import Answer, SendProgress, SendReports, Submit
from mock_provider.http.messages import ReportCall, WireReply, WireRequest
from mock_provider.protocols.lookups import AccountView, Desk, MessageStatus


class Instants(Struct, frozen=True, gc=False):
    """The moment a request is read: on the engine's clock, and on the wall's for dates."""

    now_ns: int
    wall_s: float


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


class StatusQuery(Struct, frozen=True):
    """Look messages up; ``phrase`` gets one status an id, in order, or None for an unknown token."""

    token: str
    provider_ids: tuple[str, ...]
    phrase: Callable[[Sequence[MessageStatus] | None], WireReply]


class AccountQuery(Struct, frozen=True):
    """Look the token's account up; ``phrase`` gets None where the token is no account's."""

    token: str
    phrase: Callable[[AccountView | None], WireReply]


class Consult(Struct, frozen=True):
    """Answer from what the provider knows, at once. ``answer`` checks the account itself."""

    answer: Callable[[Desk], WireReply]


Call = WireReply | Send | Cancel | StatusQuery | AccountQuery | Consult


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
