"""Passes requests and answers between dispatcher and engine in virtual time, as the protocol's bytes.

``ByteExchange`` is the reference: what the client encodes is what the provider reads, and the other way
round. An exchange of ``direct/`` passes values, with the same results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast
from urllib.parse import urlsplit

from loadtests.arrivals import NS_PER_S
from mock_provider.engine.values import Answer, SendReports, Submit
from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.protocols.actions import Instants, QueryAction, SubmitAction
from mock_provider.protocols.http_protocol import HttpProtocol
from mock_provider.protocols.lookups import AccountView, Lookups
from reference_sender.dispatch.values import Message, Report, Result
from reference_sender.routes.protocol import (
    NoReply,
    ProviderReply,
    ProviderRequest,
    ReportRequest,
    RouteProtocol,
    results_of_all,
)

REPORT_URL = "http://127.0.0.1/reports"

Render = Callable[[Answer], Sequence[Result]]
"""The sender's reading of the provider's answer: a result for each message of its batch."""


class Exchange(Protocol):
    """Between the sender's client and the provider's protocol."""

    def request(
        self, now_ns: int, batch_id: int, messages: tuple[Message, ...]
    ) -> tuple[Submit, Render] | Sequence[Result]:
        """The submit for a batch, and the function that reads its answer. Or the results, if the protocol
        refuses the batch before the engine.
        """

    def unanswered(self, messages: tuple[Message, ...]) -> Sequence[Result]:
        """The results of a batch without an answer."""

    def reports(self, effect: SendReports) -> Sequence[Report]:
        """The delivery reports as the sender reads them."""


class _KnownAccount:
    """The part of ``Lookups`` that an error reply needs."""

    def account(self, _token: str) -> AccountView:
        return AccountView("simulated", 0.0)


class ByteExchange:
    """Requests, replies and report calls as bytes, of the provider's protocol and of the sender's route."""

    def __init__(self, provider: HttpProtocol, route: RouteProtocol) -> None:
        self._provider = provider
        self._route = route

    def request(
        self, now_ns: int, batch_id: int, messages: tuple[Message, ...]
    ) -> tuple[Submit, Render] | Sequence[Result]:
        """As ``Exchange``."""
        fitting = self._route.fitting(messages)
        asked = _as_received(self._route.encode(fitting, now_ns))
        call = self._provider.read(asked, batch_id, Instants(now_ns, now_ns / NS_PER_S))
        if isinstance(call, QueryAction):  # an error reply, for a known account only
            call = call.answer(cast(Lookups, _KnownAccount()))
        if isinstance(call, HttpResponse):
            return self._read(messages, fitting, call)
        if not isinstance(call, SubmitAction):
            raise TypeError(f"the provider's protocol read a submit as {type(call).__name__}")
        render = call.render
        return call.submit, lambda answer: self._read(messages, fitting, render(answer))

    def unanswered(self, messages: tuple[Message, ...]) -> Sequence[Result]:
        """As ``Exchange``."""
        fitting = self._route.fitting(messages)
        found = self._route.interpret(fitting, ProviderReply(failure=NoReply.NO_ANSWER))
        return results_of_all(messages, fitting, found)

    def reports(self, effect: SendReports) -> Sequence[Report]:
        """As ``Exchange``."""
        calls = self._provider.report_calls(effect, 0)
        requests = [ReportRequest(call.method, call.url, dict(call.headers), call.body) for call in calls]
        return [report for request in requests for report in self._route.read_reports(request)]

    def _read(
        self, messages: Sequence[Message], fitting: Sequence[Message], response: HttpResponse
    ) -> Sequence[Result]:
        return results_of_all(messages, fitting, self._route.interpret(fitting, as_read(response)))


def _as_received(request: ProviderRequest) -> HttpRequest:
    """The sender's request as the provider's server reads it."""
    parts = urlsplit(request.url)
    content_type, authorization = request.headers["Content-Type"], request.headers["Authorization"]
    return HttpRequest(request.method, parts.path, parts.query, content_type, authorization, request.body)


def as_read(response: HttpResponse) -> ProviderReply:
    """The provider's reply as the sender's client reads it."""
    retry_after = next((value for name, value in response.headers if name == "Retry-After"), None)
    return ProviderReply(response.status, response.body, retry_after)
