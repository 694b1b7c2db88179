"""The status of one message: ``Messages/SID.json``."""

from __future__ import annotations

from base64 import b64encode

import msgspec
from msgspec import Struct

from reference_sender.dispatch.values import Report
from reference_sender.routes.protocol import ProviderReply, ProviderRequest, RouteAccount
from reference_sender.routes.reading import read_found
from reference_sender.routes.twilio.statuses import report_of


class _FetchedResource(Struct, gc=False):
    sid: str
    status: str
    error_code: int | None = None


_decode = msgspec.json.Decoder(_FetchedResource).decode


class TwilioStatusQuery:
    """Status queries of one account."""

    def __init__(self, account: RouteAccount) -> None:
        self._url = f"{account.url}/Accounts/{account.user}/Messages"
        credentials = b64encode(f"{account.user}:{account.secret}".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}"}

    def request(self, provider_id: str) -> ProviderRequest:
        return ProviderRequest("GET", f"{self._url}/{provider_id}.json", self._headers)

    def found(self, provider_id: str, key: str, reply: ProviderReply) -> Report | None:
        found = read_found(reply, _decode)
        if found is None or found.sid != provider_id:
            return None
        error = "" if found.error_code is None else str(found.error_code)
        return report_of(provider_id, key, found.status, error)
