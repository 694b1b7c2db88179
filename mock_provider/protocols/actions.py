"""What a request asks for: the actions that a protocol reads requests as.

A protocol's ``read`` turns an ``HttpRequest`` into one of the actions below. An action that must wait for the
engine carries ``render``: the protocol's function from the engine's answer to the bytes of the reply. So the
provider serves all protocols in the same way and knows none of their formats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from mock_provider.engine.values import Answer, SendProgress, SendReports, Submit
from mock_provider.http.messages import HttpRequest, HttpResponse, ReportCall
from mock_provider.protocols.lookups import AccountView, Lookups, MessageStatus

OnAnswer = Callable[[Answer | None], None]
"""Gets the answer to a submit; None: cut the connection."""


class Instants(Struct, frozen=True, gc=False):
    """The moment a request is read: on the engine's clock, and on the wall's for dates."""

    now_ns: int
    wall_s: float


class SubmitAction(Struct, frozen=True, gc=False):
    """Submit to the engine; answer when its Reply effect comes.

    A hundred thousand may wait: nothing that ``render`` holds may lead back to the Send.
    """

    submit: Submit
    render: Callable[[Answer], HttpResponse]


class Cancel(Struct, frozen=True):
    """Remove scheduled messages; ``render`` gets the ids that were removed, or None for an unknown token."""

    token: str
    provider_ids: tuple[str, ...]
    render: Callable[[Sequence[str] | None], HttpResponse]


class StatusQuery(Struct, frozen=True):
    """Look messages up; ``render`` gets one status an id, in order, or None for an unknown token."""

    token: str
    provider_ids: tuple[str, ...]
    render: Callable[[Sequence[MessageStatus] | None], HttpResponse]


class AccountQuery(Struct, frozen=True):
    """Look the token's account up; ``render`` gets None where the token is no account's."""

    token: str
    render: Callable[[AccountView | None], HttpResponse]


class QueryAction(Struct, frozen=True):
    """Answer from what the provider knows, at once. ``answer`` checks the account itself."""

    answer: Callable[[Lookups], HttpResponse]


Action = HttpResponse | SubmitAction | Cancel | StatusQuery | AccountQuery | QueryAction


class HttpProtocol(Protocol):
    """A provider's protocol, as pure translation."""

    @property
    def name(self) -> str:
        """The protocol's name in ``Submit.wire`` and in the journal."""

    @property
    def paths(self) -> frozenset[str]:
        """The request paths that are this protocol's."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Beginnings of other paths that are this protocol's; each ends with a slash."""

    def read(self, request: HttpRequest, request_id: int, at: Instants) -> Action:
        """What the request asks for. Never raises: malformed input gets the protocol's own error."""

    def unavailable(self) -> HttpResponse:
        """What any request is answered during an outage that refuses."""

    def report_calls(self, effect: SendReports, wall_offset_ns: int) -> Sequence[ReportCall]:
        """The HTTP calls that carry these reports; wall time is the engine's time plus ``wall_offset_ns``."""

    def progress_call(self, effect: SendProgress, wall_offset_ns: int) -> ReportCall | None:
        """The HTTP call that says so; None where the protocol has no word for it."""
