"""The status of one message: ``sms.do?status=ID``."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from reference_sender.dispatch.values import REPORTED_UNKNOWN, Report, State
from reference_sender.routes.protocol import ProviderReply, ProviderRequest, RouteAccount
from reference_sender.routes.reading import read_found

_UNKNOWN = "UNKNOWN"
# By name (smsapi.com/docs, "SMS status codes"). Every other one is intermediate.
_STATES = {
    "DELIVERED": State.DELIVERED,
    "EXPIRED": State.EXPIRED,
    "UNDELIVERED": State.FAILED,
    "FAILED": State.FAILED,
    "REJECTED": State.FAILED,
    _UNKNOWN: State.EXPIRED,  # a later DELIVERED still counts
}


class _ListedMessage(Struct, gc=False):
    id: str
    status: str


class _MessagesPage(Struct, gc=False):
    listed: Sequence[_ListedMessage] = msgspec.field(name="list")


_decode = msgspec.json.Decoder(_MessagesPage).decode


class SmsapiStatusQuery:
    """Status queries of one account."""

    def __init__(self, account: RouteAccount) -> None:
        self._url = account.url
        self._headers = {"Authorization": f"Bearer {account.secret}"}

    def request(self, provider_id: str) -> ProviderRequest:
        query = urlencode({"status": provider_id, "format": "json"})
        return ProviderRequest("GET", f"{self._url}?{query}", self._headers)

    def found(self, provider_id: str, key: str, reply: ProviderReply) -> Report | None:
        page = read_found(reply, _decode)
        for each in page.listed if page is not None else ():
            if each.id == provider_id:
                state = _STATES.get(each.status, State.SENT)
                reason = "" if state is State.DELIVERED else f"smsapi_{each.status.lower()}"
                if each.status == _UNKNOWN:
                    reason = REPORTED_UNKNOWN
                return Report(provider_id, key, state, reason)
        return None
