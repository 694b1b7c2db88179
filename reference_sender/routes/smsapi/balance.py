"""The account's points: ``GET /profile``, beside ``/sms.do``."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from reference_sender.routes.protocol import ProviderReply, ProviderRequest, RouteAccount
from reference_sender.routes.reading import read_found


class _SmsapiProfile(Struct, gc=False):
    points: float


_decode = msgspec.json.Decoder(_SmsapiProfile).decode


class SmsapiBalanceQuery:
    """Balance queries of one account."""

    def __init__(self, account: RouteAccount) -> None:
        self._url = f"{account.url.rpartition('/')[0]}/profile"
        self._headers = {"Authorization": f"Bearer {account.secret}"}

    def request(self) -> ProviderRequest:
        return ProviderRequest("GET", self._url, self._headers)

    def found(self, reply: ProviderReply) -> float | None:
        found = read_found(reply, _decode)
        return None if found is None else found.points
