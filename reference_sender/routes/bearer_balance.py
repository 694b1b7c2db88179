"""An account's balance that is one number of a JSON body, for requests with a bearer token."""

from __future__ import annotations

from msgspec import Struct
from msgspec.json import Decoder

from reference_sender.routes.protocol import ProviderReply, ProviderRequest, RouteAccount
from reference_sender.routes.reading import read_found


class AccountBalance(Struct, gc=False):
    """A route whose provider has another name for the number declares the field with that name."""

    balance: float


class BearerBalanceQuery:
    """Balance queries of one account. ``resource`` is beside the URL of the sends."""

    def __init__(
        self, account: RouteAccount, resource: str, body: type[AccountBalance] = AccountBalance
    ) -> None:
        self._url = f"{account.url.rpartition('/')[0]}/{resource}"
        self._headers = {"Authorization": f"Bearer {account.secret}"}
        self._decode = Decoder(body).decode

    def request(self) -> ProviderRequest:
        return ProviderRequest("GET", self._url, self._headers)

    def found(self, reply: ProviderReply) -> float | None:
        found = read_found(reply, self._decode)
        return None if found is None else found.balance
