"""The status of one message: ``GET /v1/messages/ID``."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from reference_sender.dispatch.values import Report
from reference_sender.routes.generic.reports import report_of
from reference_sender.routes.protocol import ProviderReply, ProviderRequest, RouteAccount
from reference_sender.routes.reading import read_found


class _FetchedMessage(Struct, gc=False):
    id: str
    state: str
    reason: str | None = None


_decode = msgspec.json.Decoder(_FetchedMessage).decode


class GenericStatusQuery:
    """Status queries of one account."""

    def __init__(self, account: RouteAccount) -> None:
        self._url = account.url
        self._headers = {"Authorization": f"Bearer {account.secret}"}

    def request(self, provider_id: str) -> ProviderRequest:
        return ProviderRequest("GET", f"{self._url}/{provider_id}", self._headers)

    def found(self, provider_id: str, key: str, reply: ProviderReply) -> Report | None:
        found = read_found(reply, _decode)
        if found is None or found.id != provider_id:
            return None
        return report_of(provider_id, key, found.state, found.reason or "")
