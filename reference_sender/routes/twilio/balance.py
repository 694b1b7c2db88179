"""The account's balance in its currency: ``Balance.json``."""

from __future__ import annotations

from base64 import b64encode
from math import isfinite

import msgspec
from msgspec import Struct

from reference_sender.routes.protocol import ProviderReply, ProviderRequest, RouteAccount
from reference_sender.routes.reading import read_found


class _TwilioBalance(Struct, gc=False):
    balance: str


_decode = msgspec.json.Decoder(_TwilioBalance).decode


class TwilioBalanceQuery:
    """Balance queries of one account."""

    def __init__(self, account: RouteAccount) -> None:
        self._url = f"{account.url}/Accounts/{account.user}/Balance.json"
        credentials = b64encode(f"{account.user}:{account.secret}".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}"}

    def request(self) -> ProviderRequest:
        return ProviderRequest("GET", self._url, self._headers)

    def found(self, reply: ProviderReply) -> float | None:
        found = read_found(reply, _decode)
        if found is None:
            return None
        try:
            balance = float(found.balance)
        except ValueError:
            return None
        return balance if isfinite(balance) else None
