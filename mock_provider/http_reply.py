"""A reply written whole, in one piece, past aiohttp's response objects.

aiohttp's low-level server asks of a response ``prepare``, ``write_eof``, ``keep_alive`` and little else. Its
own Response builds and serialises a header map for every reply; that alone costs as much as the engine does
for a message. Here head and body leave in one write: TCP_NODELAY (aiohttp sets it) never meets half a reply.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus

from aiohttp.http import HttpVersion11
from aiohttp.web import BaseRequest, StreamResponse

from mock_provider.wire.calls import WireReply

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_heads: dict[tuple[int, str], bytes] = {}
_date_s = 0
_date = b""


def _head(status: int, content_type: str) -> bytes:
    head = _heads.get((status, content_type))
    if head is None:
        reason = _REASONS.get(status, "")
        head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\n".encode("latin-1")
        _heads[status, content_type] = head
    return head


def _http_date() -> bytes:
    # RFC 9110 §6.6.1: an origin server with a clock sends Date. It changes once a second.
    global _date_s, _date
    now_s = int(time.time())
    if now_s != _date_s:
        _date_s = now_s
        _date = formatdate(now_s, usegmt=True).encode()
    return _date


def reply_bytes(reply: WireReply, request: BaseRequest, keep_alive: bool) -> bytes:
    """The whole reply to this request, as it stands on the connection."""
    body = reply.body
    if reply.status == HTTPStatus.NO_CONTENT:
        head = b"HTTP/1.1 204 No Content\r\n"
        length = b""
    else:
        head = _head(reply.status, reply.content_type)
        length = b"Content-Length: %d\r\n" % len(body)
    extra = b""
    if reply.headers:
        extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers).encode("latin-1")
    if not keep_alive:
        extra += b"Connection: close\r\n"
    elif request.version != HttpVersion11:
        extra += b"Connection: keep-alive\r\n"
    if request.method == "HEAD":
        body = b""
    return b"%bServer: smsbench\r\nDate: %b\r\n%b%b\r\n%b" % (head, _http_date(), length, extra, body)


class WholeReply(StreamResponse):
    """What the handler returns: bytes that ``prepare`` writes."""

    def __init__(self, payload: bytes, status: int, keep_alive: bool | None) -> None:
        # Not StreamResponse's own constructor: it builds the header map that this class is here to avoid.
        self._payload = payload
        self._status = status
        self._keep_alive = keep_alive
        self._body_length = len(payload)

    async def prepare(self, request: BaseRequest) -> None:
        transport = request.transport
        if transport is not None:
            transport.write(self._payload)

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""


class CutReply(WholeReply):
    """In place of a reply: the connection is cut, unanswered."""

    def __init__(self) -> None:
        super().__init__(b"", 0, False)

    async def prepare(self, request: BaseRequest) -> None:
        transport = request.transport
        if transport is not None:
            transport.abort()


def whole_reply(reply: WireReply, request: BaseRequest, *, close: bool = False) -> WholeReply:
    """The reply to ``request``; with ``close`` the connection ends after it."""
    keep_alive = request.keep_alive and not close
    return WholeReply(reply_bytes(reply, request, keep_alive), reply.status, keep_alive)
