"""Reads error replies whose body is a JSON object."""

from __future__ import annotations

import msgspec

from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.actions import RefusalText

_UNAUTHORIZED = 401


def json_refusal(reply: HttpResponse, code: str, text: str) -> RefusalText:
    """An error reply with an object that has its code and its text under these names, or under those of
    ``plain_error``. Where there is no code, or no object, the code is the HTTP status.
    """
    try:
        found = msgspec.json.decode(reply.body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = {}
    shown_code = found.get(code, found.get("error", reply.status))
    shown_text = found.get(text, found.get("message", ""))
    return RefusalText(str(shown_code), str(shown_text), unauthorized=reply.status == _UNAUTHORIZED)
