"""One HTTP/1.1 connection: requests parsed by llhttp (httptools), answered one at a time and in order.

aiohttp's server creates a task, a request with a header map and a response with another one for each request.
That costs as much CPU as simulating the message. Here a request is a callback and its reply one write.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Protocol, cast

import httptools
from msgspec import Struct

from mock_provider.http.hosts import is_valid_host, origin_form
from mock_provider.http.messages import INTERNAL_ERROR, HttpRequest, HttpResponse, plain_error
from mock_provider.http.open_connections import OpenConnections
from mock_provider.http.reply import reply_bytes, stream_head
from mock_provider.http.streaming import Streaming
from mock_provider.http.tcp_reset import reset

log = logging.getLogger(__name__)

RespondHttp = Callable[[HttpResponse | Streaming | None], None]

_MAX_HEAD_BYTES = 64 * 1024
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_AS_IT_IS = (("Accept-Encoding", "identity"),)  # RFC 9110 §15.5.16: the accepted encodings
_LINGER_S = 1.0
_HALF_CLOSED_S = 30.0  # how long a half-closed connection waits for an answer
_MAX_QUEUED = 16  # pipelined requests read ahead of their answers


class Application(Protocol):
    """Answers requests."""

    def handle(self, request: HttpRequest, respond: RespondHttp) -> int | None:
        """Call ``respond`` once: now, or later. A reply of None cuts the connection.

        Returns None if it was called, otherwise the number for ``forget``.
        """

    def abandon(self, number: int) -> None:
        """The client has disconnected: ``respond`` must not be called."""


class _Waiting(Struct, gc=False):
    """A request, and how to answer it."""

    request: HttpRequest
    keep_alive: bool
    http_1_0: bool


class HttpConnection(asyncio.Protocol):
    """Made by the listening server for each client."""

    def __init__(self, application: Application, connections: OpenConnections) -> None:
        self._application = application
        self._connections = connections
        self._heads = connections.heads
        self._max_body_bytes = connections.limits.body_bytes
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpRequestParser | None = None  # made when there is something to parse
        self._queue: list[_Waiting] = []
        self._current: _Waiting | None = None
        self._pending: int | None = None
        self._write_paused = False
        self._closing = False
        self._stream_ended: Callable[[], None] | None = None  # while the reply is a stream
        self._between = True  # the next byte begins a request
        self._sweeps = 0  # since the last request began or was whole
        self._held_bytes = 0  # of a body that is received in pieces
        self._begun = 0  # requests whose first byte is in the present data
        self._whole: HttpRequest | None = None  # the last request that ended in the present data
        self._begin_request()

    def _begin_request(self) -> None:
        self._url = b""
        self._authorization = ""
        self._content_type = ""
        self._host = ""
        self._hosts = 0
        self._body = b""
        self._chunks: list[bytes] | None = None
        self._head_bytes = 0
        self._body_bytes = 0

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transport is not a subclass
        full = self._connections.full
        self._connections.add(self)
        if full:
            self._refuse(429, "Too many connections")

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._connections.remove(self)
        self._uncount()
        self._queue.clear()
        self._current = None
        if self._pending is not None:
            self._application.abandon(self._pending)
            self._pending = None
        if self._stream_ended is not None:
            self._stream_ended()
            self._stream_ended = None

    def data_received(self, data: bytes) -> None:
        if self._between and not self._closing:
            request = self._heads.request_in(data)
            if request is not None:
                self._take(_Waiting(request, True, False))
                return
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        self._begun = 0
        between = self._between
        while not self._closing:
            if self._parser is None:
                self._parser = httptools.HttpRequestParser(self)
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._declined(data, upgrade.args[0])
                continue
            except httptools.HttpParserCallbackError:
                log.exception("reading a request failed")
                self._refuse(500, "Internal server error")
            except httptools.HttpParserError:
                self._refuse(400, "Bad request")
            if self._whole is not None and between and self._begun == 1:
                self._heads.learn(data, self._whole)
            self._whole = None
            return

    def eof_received(self) -> bool:
        # A client may close its side after the last request and still wait for the replies.
        self._closing = True
        if self._current is None:
            return False
        # A half-closed client whose request a fault never answers must not hold the connection forever.
        asyncio.get_running_loop().call_later(_HALF_CLOSED_S, self.abort)
        return True

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._answer_next()

    # httptools

    def on_message_begin(self) -> None:
        self._begun += 1
        self._sweeps = 0
        self._between = False
        self._begin_request()

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value))
        name = name.lower()
        if name == b"authorization":
            self._authorization = value.decode("latin-1")
        elif name == b"content-type":
            self._content_type = value.decode("latin-1")
        elif name == b"host":
            self._hosts += 1
            self._host = value.decode("latin-1")
        elif name == b"content-length":
            if not value.isdigit() or int(value[:18]) > self._max_body_bytes:
                self._refuse(413, "Request entity too large")
        elif name == b"content-encoding":
            # No provider documents an encoding, and the encoded body would be misread.
            if value.strip().lower() not in (b"", b"identity"):
                self._refuse(415, "Content-Encoding is not supported: send the body without it", _AS_IT_IS)
        elif name == b"expect" and value.lower() == b"100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_headers_complete(self) -> None:
        parser = self._parser
        missing = self._hosts == 0 and parser is not None and parser.get_http_version() != "1.0"
        if missing or self._hosts > 1 or not is_valid_host(self._host):  # RFC 9112 §3.2
            self._refuse(400, "A request needs one valid Host header")

    def on_body(self, body: bytes) -> None:
        if self._closing:
            return
        self._body_bytes += len(body)
        if self._body_bytes > self._max_body_bytes:
            self._refuse(413, "Request entity too large")
            return
        if not self._body:
            self._body = body
            return
        self._hold(len(body))
        if self._chunks is None:
            self._chunks = [self._body, body]
        else:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        parser = self._parser
        if parser is None or self._closing or parser.should_upgrade():
            return
        if self._chunks:
            self._body = b"".join(self._chunks)
            self._uncount()
        if self._url[:1] != b"/":
            self._url, host = origin_form(self._url)
            self._host = host or self._host
        path, _, query = self._url.decode("latin-1").partition("?")
        request = HttpRequest(
            parser.get_method().decode("latin-1"),
            path,
            query,
            self._content_type,
            self._authorization,
            self._body,
            self._host,
        )
        keep_alive, http_1_0 = parser.should_keep_alive(), parser.get_http_version() == "1.0"
        self._between = keep_alive
        if keep_alive and not http_1_0:
            self._whole = request
        self._take(_Waiting(request, keep_alive, http_1_0))

    def _take(self, waiting: _Waiting) -> None:
        """Answer the request, or queue it behind earlier ones."""
        self._sweeps = 0
        if self._current is None and not self._queue and not self._write_paused:
            self._answer(waiting)
            return
        self._queue.append(waiting)
        if len(self._queue) >= _MAX_QUEUED and self._transport is not None:
            self._transport.pause_reading()

    # answering

    def finish(self) -> None:
        """Stop reading, and close when the pending requests are answered."""
        self._closing = True
        if self._stream_ended is not None:
            self.abort()
        elif self._current is None and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def age(self, idle_sweeps: int, request_sweeps: int) -> None:
        self._sweeps += 1
        if self._current is not None or self._transport is None:
            return
        if not self._between and self._sweeps > request_sweeps:
            self._refuse(408, "The request did not arrive in time")
        elif self._between and self._sweeps > idle_sweeps:
            self._transport.close()

    def _hold(self, size: int) -> None:
        """Count the bytes of a body received in pieces towards the limit of all connections."""
        connections = self._connections
        self._held_bytes += size
        connections.receiving_bytes += size
        if connections.receiving_bytes > connections.limits.receiving_bytes:
            self._refuse(413, "Too much is being received at once")

    def _uncount(self) -> None:
        self._connections.receiving_bytes -= self._held_bytes
        self._held_bytes = 0

    def _answer(self, waiting: _Waiting) -> None:
        self._current = waiting
        try:
            number = self._application.handle(waiting.request, self._respond)
        except Exception:
            log.exception("handling a request failed")
            if self._current is waiting:
                self._give_up()
            return
        # If it was answered at once, a later request of the queue may be the pending one now.
        if number is not None:
            self._pending = number

    def _answer_next(self) -> None:
        while self._queue and self._current is None and not self._write_paused:
            waiting = self._queue.pop(0)
            if len(self._queue) == _MAX_QUEUED // 2 and self._transport is not None:
                self._transport.resume_reading()
            self._answer(waiting)

    def _respond(self, reply: HttpResponse | Streaming | None) -> None:
        waiting, transport = self._current, self._transport
        self._current = self._pending = None
        if waiting is None or transport is None:
            return
        if reply is None:
            self._closing = True
            reset(transport)
            return
        if not isinstance(reply, HttpResponse):
            self._stream(reply, waiting, transport)
            return
        keep_alive = waiting.keep_alive and not (self._closing and not self._queue)
        transport.write(
            reply_bytes(
                reply,
                keep_alive=keep_alive,
                http_1_0=waiting.http_1_0,
                head_only=waiting.request.method == "HEAD",
            )
        )
        if not keep_alive:
            self._closing = True
            transport.close()
        elif self._queue:
            self._answer_next()

    def _stream(self, reply: Streaming, waiting: _Waiting, transport: asyncio.Transport) -> None:
        self._current = waiting  # nothing is answered after it
        transport.write(stream_head(reply.content_type, reply.headers))
        self._stream_ended = reply.begin(self)

    @property
    def unsent_bytes(self) -> int:
        """See ``ResponseStream.unsent_bytes``."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> bool:
        """``ResponseStream``: a slow reader uses at most the transport's buffer."""
        if self._transport is None or self._write_paused or self._transport.is_closing():
            return False
        self._transport.write(data)
        return True

    def cut(self) -> None:
        """``ResponseStream``."""
        self.abort()

    def _give_up(self) -> None:
        """Answer the current request with 500, and no later request. A later reply to it is dropped."""
        self._closing = True
        self._queue.clear()
        self._respond(INTERNAL_ERROR)

    def _declined(self, data: bytes, head_ends: int) -> bytes:
        """The same request without its Upgrade header, to be read again.

        Java's client offers HTTP/2 (h2c) in its first request, which a server may ignore (RFC 9110 §7.8); the
        parser would leave the body unread. A request whose head came in pieces is refused.
        """
        self._parser = httptools.HttpRequestParser(self)
        if self._begun != 1:
            self._refuse(400, "Upgrade is not supported")
            return b""
        return _UPGRADE.sub(b"\r\nX-Declined:", data[:head_ends]) + data[head_ends:]

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > _MAX_HEAD_BYTES:
            self._refuse(431, "Request header fields too large")

    def _refuse(self, status: int, message: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Answer a request that cannot be read to its end, and close: the next request's start is unknown."""
        transport = self._transport
        if self._closing or transport is None:
            return
        self._closing = True
        self._chunks = None
        self._uncount()
        if self._current is None:
            transport.write(reply_bytes(plain_error(status, message, headers), keep_alive=False))
        # Closed with data unread the connection would be reset, and the client might lose the reply.
        asyncio.get_running_loop().call_later(_LINGER_S, transport.close)
