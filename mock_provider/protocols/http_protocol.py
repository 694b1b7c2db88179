"""The members of an HTTP protocol, and the values that it gets from the provider."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from mock_provider.engine.values import SendProgress, SendReports
from mock_provider.http.messages import HttpRequest, HttpResponse, ReportCall
from mock_provider.profiles import Profile
from mock_provider.protocols.actions import ErrorReplies, Instants, QueryAction, SubmitAction
from mock_provider.protocols.unread_fields import UnreadFields

HttpAction = HttpResponse | SubmitAction[HttpResponse] | QueryAction[HttpResponse]


class HttpProtocol(Protocol):
    """A protocol over HTTP, for one profile: pure translation."""

    @property
    def name(self) -> str:
        """The name in ``Submit.protocol``."""

    @property
    def paths(self) -> frozenset[str]:
        """The request paths of this protocol."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Prefixes of its other request paths; each ends with a slash."""

    @property
    def errors(self) -> ErrorReplies[HttpResponse]:
        """Its replies during an outage, and to a request on which this program fails."""

    def read(self, request: HttpRequest, request_id: int, at: Instants) -> HttpAction:
        """The action that the request asks for. Never raises: malformed input gets an error reply."""

    def keys(self, request: HttpRequest) -> tuple[str, ...]:
        """The journey keys in a request to send that was refused as it was read, as far as it is readable.

        Empty for any other request. Never raises.
        """

    def report_calls(self, effect: SendReports | SendProgress, wall_offset_ns: int) -> Sequence[ReportCall]:
        """The HTTP calls for these reports; none for progress that the protocol does not report.

        ``wall_offset_ns`` is added to the engine's time to get unix time.
        """


class ProtocolContext(Struct, frozen=True):
    """The values that a protocol gets when its provider starts or is reset."""

    seed: int
    unread_fields: UnreadFields


OfProfile = Callable[[Profile], HttpProtocol]
Start = Callable[[ProtocolContext], OfProfile]
"""Starts a protocol without stored data. The returned function builds the protocol for a profile, and is
called again after each change of the profile. Stored data stays.
"""
