"""Reads SMSAPI's error replies. Legacy ``.do`` endpoints give them at HTTP 200, as text or as JSON."""

from __future__ import annotations

from msgspec.structs import replace

from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.actions import RefusalText
from mock_provider.protocols.refusal_text import json_refusal

_TEXT = b"ERROR:"
_JSON = (b'{"error"', b'{"invalid_numbers"')
_UNAUTHORIZED = frozenset(("101", "102"))


def refusal_text(reply: HttpResponse) -> RefusalText | None:
    """See ``ErrorReplies``."""
    if reply.body.startswith(_TEXT):
        code = reply.body.removeprefix(_TEXT).decode("utf-8", "replace").split(":")[0].strip()
        return RefusalText(code, unauthorized=code in _UNAUTHORIZED)
    if reply.status < 400 and not reply.body.startswith(_JSON):
        return None
    found = json_refusal(reply, "error", "message")
    return replace(found, unauthorized=found.unauthorized or found.code in _UNAUTHORIZED)
