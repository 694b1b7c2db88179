"""JSON answers and errors of the HTTP API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec
from aiohttp import web

_encode = msgspec.json.Encoder().encode
_WRITTEN_AT_ONCE = 1024 * 1024  # bytes
_JSON = {"Content-Type": "application/json"}


class ApiError(Exception):
    """An answer other than success. ``field`` names the field with the error, if there is one."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        field: str = "",
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.retry_after_s = retry_after_s
        self.headers = headers or {}


def json_bytes(value: object) -> bytes:
    """``value`` as JSON."""
    try:
        return _encode(value)
    except UnicodeEncodeError:  # it repeats a client's half of a surrogate pair, which only escapes can write
        return json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode()


def json_body(body: bytes, status: int) -> web.Response:
    """A JSON answer that is already encoded."""
    return web.Response(body=body, status=status, headers=_JSON)


def json_parts(parts: Sequence[bytes], status: int) -> web.Response:
    """A JSON answer that is encoded in parts. The event loop does other work between two parts."""
    if sum(map(len, parts)) <= _WRITTEN_AT_ONCE:
        return json_body(b"".join(parts), status)
    return web.Response(body=_one_by_one(parts), status=status, headers=_JSON)


async def _one_by_one(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
        await asyncio.sleep(0)


def json_answer(value: object, status: int = 200) -> web.Response:
    """``value`` as JSON."""
    return json_body(json_bytes(value), status)


def error_answer(error: ApiError) -> web.Response:
    """``{"error": {"code", "field", "message"}}``, with Retry-After if it is known."""
    body = {"code": error.code, "field": error.field, "message": error.message}
    answer = json_answer({"error": body}, error.status)
    if error.retry_after_s is not None:
        answer.headers["Retry-After"] = str(error.retry_after_s)
    answer.headers.update(error.headers)
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer
