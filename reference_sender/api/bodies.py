"""Request bodies: read within limits of size and time, and unpacked if they are compressed."""

from __future__ import annotations

import asyncio

from aiohttp import web

from reference_sender.api.answers import ApiError
from reference_sender.api.intake import Invalid
from reference_sender.api.unpacking import Plain, Unpacking, unpacking_of

MAX_MESSAGE_BYTES = 65_536
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # some programs write it; campaigns are read with it too


def unpacking(request: web.BaseRequest) -> Unpacking:
    """The decoder for the request's ``Content-Encoding``. Raises ``ApiError`` 415 (RFC 9110 15.5.16)."""
    named = request.headers.get("Content-Encoding")
    if named is None:
        return Plain()
    found = unpacking_of(named)
    if found is None:
        raise ApiError(
            415,
            "unsupported_encoding",
            "Content-Encoding must be gzip, deflate or identity",
            "Content-Encoding",
            headers={"Accept-Encoding": "gzip, deflate"},
        )
    return found


async def read_message(request: web.BaseRequest, patience_s: float) -> bytes:
    """A whole body of at most ``MAX_MESSAGE_BYTES``. Raises ``ApiError`` or ``Invalid``."""
    if request.content_length is not None and request.content_length > MAX_MESSAGE_BYTES:
        raise _too_large()
    try:
        if request.content.is_eof():  # it arrived with its head (the usual case): no timer is needed
            body = await request.read()
        else:
            async with asyncio.timeout(patience_s):
                body = await request.read()
    except TimeoutError as error:
        raise Invalid("too_slow", "", f"the body did not arrive within {patience_s:g} s") from error
    except web.HTTPRequestEntityTooLarge as error:
        raise _too_large() from error
    except web.RequestPayloadError as error:
        raise _unreadable(error) from error
    if "Content-Encoding" in request.headers:
        body = _unpacked(body, unpacking(request))
    if len(body) > MAX_MESSAGE_BYTES:  # sent in chunks, or compressed
        raise _too_large()
    return body.removeprefix(_BYTE_ORDER_MARK)


async def read_limited(request: web.BaseRequest, most_bytes: int, patience_s: float) -> bytes:
    """A whole body of at most ``most_bytes``, which is not compressed. Raises ``ApiError`` or ``Invalid``."""
    pieces: list[bytes] = []
    read_bytes = 0
    try:
        async with asyncio.timeout(patience_s):
            while piece := await read_piece(request):
                read_bytes += len(piece)
                if read_bytes > most_bytes:
                    raise ApiError(413, "too_large", f"this body has at most {most_bytes} bytes")
                pieces.append(piece)
    except TimeoutError as error:
        raise Invalid("too_slow", "", f"the body did not arrive within {patience_s:g} s") from error
    return b"".join(pieces)


def _unpacked(body: bytes, unpacking: Unpacking) -> bytes:
    content = b""
    for part in unpacking.slices(body):
        content += part
        if len(content) > MAX_MESSAGE_BYTES:
            break
    else:
        unpacking.finish()
    return content


async def invite_body(request: web.BaseRequest) -> None:
    """Answer ``Expect: 100-continue`` (curl, with large bodies): RFC 9110 10.1.1."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


async def read_piece(request: web.BaseRequest) -> bytes:
    """The next bytes of the body; empty at its end. Raises ``Invalid``."""
    try:
        return await request.content.readany()
    except web.RequestPayloadError as error:
        raise _unreadable(error) from error


def after_body(request: web.BaseRequest, answer: web.Response) -> web.Response:
    """Close the connection after an unreadable body, since its end is unknown."""
    if request.content.exception() is not None:
        request.content.feed_eof()
        answer.force_close()
    return answer


def _unreadable(error: web.RequestPayloadError) -> Invalid:
    return Invalid("malformed", "", f"the body cannot be read: {error}")


def _too_large() -> ApiError:
    return ApiError(413, "too_large", f"a message's body has at most {MAX_MESSAGE_BYTES} bytes")
