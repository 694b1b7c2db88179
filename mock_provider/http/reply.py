"""HTTP replies as bytes: head and body in one piece, for one write."""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus

from mock_provider.http.messages import HttpResponse

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_NO_CONTENT = HTTPStatus.NO_CONTENT.value
_heads: dict[tuple[int, str], bytes] = {}


class HttpDate:
    """The Date header's value, updated once a second (RFC 9110 §6.6.1: a server with a clock sends it)."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = 0
        self._text = b""

    def now(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._text = formatdate(second, usegmt=True).encode()
        return self._text


_date = HttpDate()


def reply_bytes(
    reply: HttpResponse, *, keep_alive: bool, http_1_0: bool = False, head_only: bool = False
) -> bytes:
    """The whole reply as it is sent; ``head_only`` answers a HEAD request."""
    body = reply.body
    status = reply.status
    start = _heads.get((status, reply.content_type))
    if start is None:
        start = _heads[status, reply.content_type] = _start(status, reply.content_type)
    extra = b""
    if reply.headers:
        extra = "".join(f"{name}: {value}\r\n" for name, value in reply.headers).encode("latin-1")
    if not keep_alive:
        extra += b"Connection: close\r\n"
    elif http_1_0:
        extra += b"Connection: keep-alive\r\n"
    if status == _NO_CONTENT:
        return b"%bDate: %b\r\n%b\r\n" % (start, _date.now(), extra)
    length = len(body)
    if head_only:
        body = b""
    return b"%bDate: %b\r\n%bContent-Length: %d\r\n\r\n%b" % (start, _date.now(), extra, length, body)


def stream_head(content_type: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    """The head of a reply that lasts as long as its connection (RFC 9112 §6.3)."""
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1")
    start = _start(HTTPStatus.OK.value, content_type)
    return b"%bDate: %b\r\n%bConnection: close\r\n\r\n" % (start, _date.now(), extra)


def _start(status: int, content_type: str) -> bytes:
    line = f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\nServer: smsbench\r\n"
    if status != _NO_CONTENT:
        line += f"Content-Type: {content_type}\r\n"
    return line.encode("latin-1")
