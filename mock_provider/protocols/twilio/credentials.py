"""Credentials of a request: HTTP Basic, either AccountSid and AuthToken or an API key's sid and secret."""

from __future__ import annotations

import base64
import re
from functools import lru_cache

from msgspec import Struct

_is_key_sid = re.compile("SK[0-9a-fA-F]{32}").fullmatch


class Credentials(Struct, frozen=True, gc=False):
    """``token`` is "" if they cannot be those of the account."""

    account_sid: str
    token: str


@lru_cache(maxsize=64)  # an account sends the same header with every request
def read_credentials(authorization: str, account_sid: str, configured_sid: str) -> Credentials:
    """The token of a request to ``account_sid``'s resources.

    The user must be that account or an API key; with a sid in the profile, the account must be that one.
    """
    user, token = _basic(authorization)
    if user != account_sid and _is_key_sid(user) is None:
        token = ""
    if configured_sid and account_sid != configured_sid:
        token = ""
    return Credentials(account_sid, token)


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, token = base64.b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:  # not base64, not ASCII, or not UTF-8
        return "", ""
    return user, token
