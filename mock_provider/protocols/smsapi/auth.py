"""The token of a request, and the replies to an unknown one."""

from __future__ import annotations

import base64
from functools import lru_cache

from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.smsapi.errors import legacy_error, rest_error
from mock_provider.protocols.smsapi.fields import Fields, text_of

REST_UNAUTHORIZED = rest_error(401, "Authorization failed")


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


def unauthorized(as_json: bool) -> HttpResponse:
    """Error 101, the reply of legacy endpoints to an unknown token."""
    return legacy_error(101, as_json)
