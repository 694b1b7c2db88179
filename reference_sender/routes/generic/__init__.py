"""The generic JSON API of the mock provider (docs/generic-api.md)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from reference_sender.dispatch.values import Message, Report, Result
from reference_sender.routes.bearer_balance import BearerBalanceQuery
from reference_sender.routes.generic.replies import results
from reference_sender.routes.generic.reports import read_signed_reports
from reference_sender.routes.generic.requests import body_of
from reference_sender.routes.generic.status import GenericStatusQuery
from reference_sender.routes.protocol import (
    Confirmation,
    ProviderReply,
    ProviderRequest,
    ReportRequest,
    RouteAccount,
    RouteDefinition,
)


class GenericFormat:
    """JSON requests of many messages, one result per message, problem documents, signed reports."""

    lookup = None  # its duplicate check, by ``reference``, makes a repeat of an unanswered attempt safe

    def __init__(self, account: RouteAccount) -> None:
        self._account = account
        self._headers = {"Authorization": f"Bearer {account.secret}", "Content-Type": "application/json"}

    def fitting(self, messages: Sequence[Message]) -> Sequence[Message]:
        return messages

    def encode(self, messages: Sequence[Message], now_ns: int, wall_ahead_ns: int = 0) -> ProviderRequest:
        body = body_of(messages, self._account, now_ns)
        return ProviderRequest("POST", self._account.url, self._headers, body)

    def interpret(self, messages: Sequence[Message], reply: ProviderReply) -> Sequence[Result]:
        return results(messages, reply)

    def read_reports(self, request: ReportRequest) -> list[Report]:
        return read_signed_reports(request, self._account.secret)


DEFINITION = RouteDefinition(
    name="generic",
    credentials="TOKEN",
    path="/v1/messages",
    max_batch=10_000,
    default_batch=500,
    max_segments=10,
    sender_id="Test",
    idempotency_window_s=86_400.0,  # ``unique_references``; the profile's ``duplicates.window_s``
    confirmation=Confirmation(204),
    protocol=GenericFormat,
    status=GenericStatusQuery,
    balance=partial(BearerBalanceQuery, resource="account"),  # ``GET /v1/account``
)
