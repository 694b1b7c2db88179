"""Twilio's Messages API (REST, version 2010-04-01). Sources: docs/sources.md."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from urllib.parse import urlencode

from reference_sender.dispatch.values import NS_PER_S, Message, Report, Result
from reference_sender.routes.protocol import (
    Confirmation,
    MessageLookup,
    ProviderReply,
    ProviderRequest,
    ReportRequest,
    RouteAccount,
    RouteDefinition,
)
from reference_sender.routes.twilio.balance import TwilioBalanceQuery
from reference_sender.routes.twilio.callbacks import callback_url, read_callback
from reference_sender.routes.twilio.lookup import TwilioLookup, is_service
from reference_sender.routes.twilio.replies import result_of
from reference_sender.routes.twilio.status import TwilioStatusQuery

_LONGEST_VALIDITY_S = 36_000  # Twilio's own default too


class TwilioFormat:
    """Form requests of one message, JSON replies, signed status callbacks."""

    def __init__(self, account: RouteAccount) -> None:
        self._account = account
        self._url = f"{account.url}/Accounts/{account.user}/Messages.json"
        credentials = b64encode(f"{account.user}:{account.secret}".encode()).decode()
        authorization = {"Authorization": f"Basic {credentials}"}
        self._headers = authorization | {"Content-Type": "application/x-www-form-urlencoded"}
        self._lookup = TwilioLookup(self._url, authorization, account.sender_id)

    @property
    def lookup(self) -> MessageLookup | None:
        return self._lookup

    def fitting(self, messages: Sequence[Message]) -> Sequence[Message]:
        return messages[:1]

    def encode(self, messages: Sequence[Message], now_ns: int, wall_ahead_ns: int = 0) -> ProviderRequest:
        (message,) = messages
        sender_id = message.sender_id or self._account.sender_id
        fields = {
            "To": f"+{message.to}",
            "MessagingServiceSid" if is_service(sender_id) else "From": sender_id,
            "Body": message.text,
            "StatusCallback": callback_url(self._account.report_url, message.key),
        }
        left_s = -(-(message.expires_ns - now_ns) // NS_PER_S)
        if left_s < _LONGEST_VALIDITY_S:
            fields["ValidityPeriod"] = str(max(1, left_s))
        return ProviderRequest("POST", self._url, self._headers, urlencode(fields).encode())

    def interpret(self, messages: Sequence[Message], reply: ProviderReply) -> Sequence[Result]:
        return [result_of(reply)]

    def read_reports(self, request: ReportRequest) -> list[Report]:
        return [read_callback(request, self._account.secret)]


DEFINITION = RouteDefinition(
    name="twilio",
    credentials="ACCOUNT_SID:AUTH_TOKEN",
    path="/2010-04-01",
    max_batch=1,
    default_batch=1,
    max_segments=10,  # 1,600 characters
    sender_id=None,  # a number of the account, or the sid of a Messaging Service
    is_sender_pool=is_service,
    example_user="AC" + "0" * 32,
    example_sender_id="+15017122661",
    idempotency_window_s=0.0,  # Twilio accepts a repeated message again
    lookup_window_s=600.0,
    confirmation=Confirmation(204),
    protocol=TwilioFormat,
    status=TwilioStatusQuery,
    balance=TwilioBalanceQuery,
)
