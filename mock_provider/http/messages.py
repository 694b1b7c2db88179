"""HTTP requests, responses and report calls as plain values."""

from __future__ import annotations

from msgspec import Struct

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # RFC 8259 §8.1: a reader of JSON may ignore it


class HttpRequest(Struct, frozen=True, gc=False):
    """One HTTP request, body read. ``query`` is the raw query string, ``path`` is without it."""

    method: str
    path: str
    query: str
    content_type: str
    authorization: str
    body: bytes
    host: str = ""  # as the Host header has it, with its port


class HttpResponse(Struct, frozen=True, gc=False):
    """The response to one request. ``headers`` are those besides ``Content-Type`` and ``Content-Length``."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


class ReportCall(Struct, frozen=True):
    """One HTTP call with delivery reports.

    Confirmed by ``confirming_body`` at HTTP 200; where that is None, by any status of 200 to 299.
    """

    method: str
    url: str
    confirming_body: bytes | None
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    user_agent: str = "smsbench-provider"


def plain_error(status: int, message: str, headers: tuple[tuple[str, str], ...] = ()) -> HttpResponse:
    """An error of the HTTP server, not of a protocol."""
    body = b'{"message":"%b","error":"http_%d","errors":[]}' % (message.encode(), status)
    return HttpResponse(status, body, headers=headers)


INTERNAL_ERROR = plain_error(500, "Internal server error")
"""A defect of the provider itself, not a simulated fault."""
