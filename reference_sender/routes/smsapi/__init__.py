"""SMSAPI, or any provider that speaks its protocol."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from reference_sender.dispatch.values import Message, Report, Result
from reference_sender.routes.bearer_balance import AccountBalance, BearerBalanceQuery
from reference_sender.routes.protocol import (
    Confirmation,
    ProviderReply,
    ProviderRequest,
    ReportRequest,
    RouteAccount,
    RouteDefinition,
)
from reference_sender.routes.smsapi.replies import results
from reference_sender.routes.smsapi.reports import reports
from reference_sender.routes.smsapi.requests import body_of, in_one_request
from reference_sender.routes.smsapi.status import SmsapiStatusQuery


class SmsapiFormat:
    """SMSAPI's JSON requests, its replies and its report calls."""

    lookup = None  # its duplicate check, by ``idx``, makes a repeat of an unanswered attempt safe

    def __init__(self, account: RouteAccount) -> None:
        self._account = account
        self._headers = {"Authorization": f"Bearer {account.secret}", "Content-Type": "application/json"}

    def fitting(self, messages: Sequence[Message]) -> Sequence[Message]:
        return in_one_request(messages)

    def encode(self, messages: Sequence[Message], now_ns: int, wall_ahead_ns: int = 0) -> ProviderRequest:
        account = self._account
        body = body_of(messages, account.report_url, account.sender_id, now_ns, wall_ahead_ns)
        return ProviderRequest("POST", account.url, self._headers, body)

    def interpret(self, messages: Sequence[Message], reply: ProviderReply) -> Sequence[Result]:
        return results(messages, reply)

    def read_reports(self, request: ReportRequest) -> list[Report]:
        """SMSAPI does not sign reports. Only the secret in the report address protects them."""
        form = request.body.decode("ascii", "replace") if request.method == "POST" else request.query
        return reports(form)


class _Points(AccountBalance, gc=False):
    """The body of ``GET /profile``."""

    balance: float = msgspec.field(name="points")


DEFINITION = RouteDefinition(
    name="smsapi",
    credentials="TOKEN",
    path="/sms.do",
    max_batch=10_000,
    default_batch=500,
    max_segments=6,  # 918 GSM-7 characters, 402 others
    sender_id="Test",  # SMSAPI's sender of messages that name none
    idempotency_window_s=86_400.0,  # ``check_idx``
    confirmation=Confirmation(200, b"OK"),  # SMSAPI accepts no other value
    protocol=SmsapiFormat,
    status=SmsapiStatusQuery,
    balance=partial(BearerBalanceQuery, resource="profile", body=_Points),
)
