"""Who asks: the token of a request, and answers that only a known account gets."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import lru_cache

from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.actions import AccountQuery, QueryAction
from mock_provider.protocols.lookups import AccountView, Lookups
from mock_provider.protocols.smsapi.errors import legacy_error, rest_error
from mock_provider.protocols.smsapi.fields import Fields, text_of

_UNAUTHORIZED = rest_error(401, "Authorization failed")


@lru_cache(maxsize=256)
def header_token(authorization: str) -> str:
    """The token of a Bearer header; of a Basic one, its password."""
    scheme, _, credentials = authorization.partition(" ")
    scheme = scheme.lower()
    if scheme == "bearer":
        return credentials.strip()
    if scheme == "basic":
        try:
            return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
        except ValueError:  # not base64, not ASCII, or not UTF-8
            return ""
    return ""


def field_token(fields: Fields) -> str:
    return text_of(fields, "access_token") or text_of(fields, "password")


def after_auth(token: str, reply: HttpResponse) -> AccountQuery:
    """A refusal that only a known account gets to see: an unknown token is refused first (101)."""
    as_json = reply.content_type == "application/json"
    unauthorized = legacy_error(101, as_json)

    def render(account: AccountView | None) -> HttpResponse:
        return unauthorized if account is None else reply

    return AccountQuery(token, render)


def to_owner(token: str, as_json: bool, answer: Callable[[Lookups], HttpResponse]) -> QueryAction:
    """``answer`` for a known token; error 101 for another (legacy endpoints)."""

    def answered(lookups: Lookups) -> HttpResponse:
        return legacy_error(101, as_json) if lookups.account(token) is None else answer(lookups)

    return QueryAction(answered)


def to_owner_rest(token: str, answer: Callable[[Lookups], HttpResponse]) -> QueryAction:
    """``answer`` for a known token; HTTP 401 for another (REST endpoints)."""

    def answered(lookups: Lookups) -> HttpResponse:
        return _UNAUTHORIZED if lookups.account(token) is None else answer(lookups)

    return QueryAction(answered)
