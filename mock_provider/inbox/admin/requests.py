"""Reading admin requests strictly, and writing their replies."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import msgspec

from mock_provider.engine.faults.settings import MAX_INSTANT_S
from mock_provider.http.messages import BYTE_ORDER_MARK, HttpResponse
from mock_provider.inbox.events import json_bytes

JsonObject = dict[str, Any]

_MOST_DIGITS = 9  # int() raises for thousands of them


class AdminError(Exception):
    """A request that is refused: status, and all reasons."""

    def __init__(self, status: int, *reasons: str) -> None:
        super().__init__(status, *reasons)
        self.status = status
        self.reasons = reasons


def reply(value: object, status: int = 200) -> HttpResponse:
    return HttpResponse(status, json_bytes(value), headers=(("Cache-Control", "no-store"),))


def json_object(body: bytes) -> JsonObject:
    """An empty body counts as an empty object. Raises ``AdminError`` 400 for anything but an object."""
    body = body.removeprefix(BYTE_ORDER_MARK)
    if not body.strip():
        return {}
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise AdminError(400, f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise AdminError(400, "the body is not a JSON object")
    return value


def parameter(query: str, name: str) -> str:
    """The parameter's last value; "" if it is not given."""
    return parse_qs(query, errors="replace").get(name, [""])[-1]


def whole_number(query: str, name: str, default: int, lowest: int, highest: int) -> int:
    """Raises ``AdminError`` 400 outside ``lowest`` to ``highest``."""
    given = parameter(query, name)
    if not given:
        return default
    readable = given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS
    if not readable or not lowest <= int(given) <= highest:
        raise AdminError(400, f"{name}: must be {lowest} to {highest}")
    return int(given)


def seconds_from_now(fault: JsonObject, name: str) -> float | None:
    """Raises ``AdminError`` 400 if it is not a number of seconds, or too large."""
    value = fault.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_INSTANT_S:
        raise AdminError(400, f"{name}: must be a number of seconds from now, 0 to {MAX_INSTANT_S}")
    return float(value)
