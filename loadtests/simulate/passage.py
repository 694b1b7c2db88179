"""How a request and its answer pass between dispatcher and engine in virtual time: as the protocol's bytes.

``ThroughWire`` is the reference: what the client encodes is what the provider reads, and the other way
round. ``mapping.Mapped`` passes values and comes to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

from mock_provider.engine.values import Answer, SendReports, Submit
from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.profiles import Profile
from mock_provider.protocols import smsapi
from mock_provider.protocols.actions import Instants, QueryAction, SubmitAction
from mock_provider.protocols.http_protocol import ProtocolContext
from mock_provider.protocols.lookups import AccountView, Lookups
from mock_provider.protocols.unread_fields import UnreadFields
from reference_sender.dispatch.values import Message, Report, Result
from reference_sender.routes.smsapi_wire import Failure, Reply, encode, for_all, in_one_request
from reference_sender.routes.smsapi_wire import reports as read_reports
from reference_sender.routes.smsapi_wire import results as read_results

NS_PER_S = 1_000_000_000
REPORT_URL = "http://127.0.0.1/reports"

Render = Callable[[Answer], Sequence[Result]]
"""What the sender makes of the provider's answer: a result for each message of its batch."""


class Passage(Protocol):
    """Between the sender's client and the provider's protocol."""

    def request(
        self, now_ns: int, batch_id: int, messages: tuple[Message, ...]
    ) -> tuple[Submit, Render] | Sequence[Result]:
        """What reaches the engine of a batch, and how its answer is read; or the results, where the protocol
        refuses it before the engine.
        """

    def unanswered(self, messages: tuple[Message, ...]) -> Sequence[Result]:
        """The results of a batch whose answer never came."""

    def reports(self, effect: SendReports) -> Sequence[Report]:
        """What the sender reads of delivery reports."""


class _KnownAccount:
    """The part of ``Lookups`` that an error reply needs."""

    def account(self, _token: str) -> AccountView:
        return AccountView("simulated", 0.0)


class ThroughWire:
    """Requests, replies and report calls in the bytes of SMSAPI."""

    def __init__(self, profile: Profile, token: str) -> None:
        self._wire = smsapi.start(ProtocolContext(0, UnreadFields()))(profile)
        self._authorization = f"Bearer {token}"

    def request(
        self, now_ns: int, batch_id: int, messages: tuple[Message, ...]
    ) -> tuple[Submit, Render] | Sequence[Result]:
        """As ``Passage``."""
        carried = in_one_request(messages)
        body = encode(carried, REPORT_URL, now_ns)
        asked = HttpRequest("POST", "/sms.do", "", "application/json", self._authorization, body)
        call = self._wire.read(asked, batch_id, Instants(now_ns, now_ns / NS_PER_S))
        if isinstance(call, QueryAction):  # an error reply, for a known account only
            call = call.answer(cast(Lookups, _KnownAccount()))
        if isinstance(call, HttpResponse):
            return _read(messages, carried, call)
        if not isinstance(call, SubmitAction):
            raise TypeError(f"the wire read a submit as {type(call).__name__}")
        render = call.render
        return call.submit, lambda answer: _read(messages, carried, render(answer))

    def unanswered(self, messages: tuple[Message, ...]) -> Sequence[Result]:
        """As ``Passage``."""
        carried = in_one_request(messages)
        return for_all(messages, carried, read_results(carried, Reply(failure=Failure.NO_ANSWER)))

    def reports(self, effect: SendReports) -> Sequence[Report]:
        """As ``Passage``."""
        calls = self._wire.report_calls(effect, 0)
        return [report for call in calls for report in read_reports(call.url.partition("?")[2])]


def _read(messages: Sequence[Message], carried: Sequence[Message], said: HttpResponse) -> Sequence[Result]:
    return for_all(messages, carried, read_results(carried, as_read(said)))


def as_read(said: HttpResponse) -> Reply:
    """The provider's reply as the sender's client has it."""
    retry_after = next((value for name, value in said.headers if name == "Retry-After"), None)
    return Reply(said.status, said.body, retry_after)
