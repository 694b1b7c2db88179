"""Protocols under a profile of a test, and the lookups that their actions get."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mock_provider.engine import MessageView, NumberView
from mock_provider.engine.values import MessageState
from mock_provider.http.messages import HttpResponse
from mock_provider.profiles import Profile, load_profile, with_token
from mock_provider.protocols import smsapi, twilio
from mock_provider.protocols.actions import QueryAction
from mock_provider.protocols.http_protocol import HttpProtocol, ProtocolContext
from mock_provider.protocols.lookups import AccountView, CapturedMessage, MessageFilter
from mock_provider.protocols.unread_fields import UnreadFields
from mock_provider.settings.protocols import SmsapiSettings, TwilioSettings


def profile_with(token: str = "", **protocols: Any) -> Profile:
    """Profile ``fast`` with these settings of protocols, and the account's token."""
    fast = load_profile("fast")
    profile = fast.model_copy(update={"protocol": fast.protocol.model_copy(update=protocols)})
    return with_token(profile, token) if token else profile


def smsapi_with(settings: SmsapiSettings | None = None) -> HttpProtocol:
    profile = profile_with(smsapi=settings or SmsapiSettings())
    return smsapi.start(ProtocolContext(0, UnreadFields()))(profile)


def twilio_with(settings: TwilioSettings) -> HttpProtocol:
    profile = profile_with(token="t", twilio=settings)
    return twilio.start(ProtocolContext(0, UnreadFields()))(profile)


def delivered(provider_id: str) -> MessageView:
    """A message accepted at 1 s of the engine's clock."""
    return MessageView(
        provider_id=provider_id,
        client_ref=None,
        msisdn="48500100200",
        state=MessageState.DELIVERED,
        reason="",
        stage="DONE",
        segments=1,
        price=0.165,
        t_accepted_ns=10**9,
        t_carrier_ns=None,
        t_final_ns=None,
    )


class EmptyInbox:
    """``CapturedMessages`` without a message."""

    def find(self, provider_id: str) -> CapturedMessage | None:
        return None

    def matching(self, wanted: MessageFilter) -> Iterator[CapturedMessage]:
        return iter(())


class FakeLookups:
    """One account with 100 points, and the messages of ``views``; ``cancelled`` holds the ids asked for."""

    inbox = EmptyInbox()
    wall_offset_ns = 1_800_000_000_000_000_000

    def __init__(self, token: str, views: Sequence[MessageView] = (), cancels: bool = True) -> None:
        self._token = token
        self._views = {view.provider_id: view for view in views}
        self._cancels = cancels
        self.asked: list[str] = []  # ids, in order
        self.cancelled: list[str] = []

    def account(self, token: str) -> AccountView | None:
        return AccountView("demo", 100.0) if token == self._token else None

    def view(self, provider_id: str) -> MessageView | None:
        self.asked.append(provider_id)
        return self._views.get(provider_id)

    def number(self, msisdn: str) -> NumberView:
        return NumberView(msisdn, exists=False)

    def cancel(self, token: str, provider_ids: Sequence[str]) -> Sequence[str]:
        self.cancelled.extend(provider_ids)
        return provider_ids if self._cancels else ()


def answer_to(action: object, lookups: FakeLookups) -> HttpResponse:
    """The reply of a query."""
    assert isinstance(action, QueryAction), action
    reply = action.answer(lookups)
    assert isinstance(reply, HttpResponse)
    return reply
