"""The HTTP connections of the sender: their number and their time limits.

aiohttp has no such limits. Each connection's protocol is wrapped here. The wrapper closes a connection whose
head does not end or whose client does not read its answer, and refuses connections beyond the limit.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import cast

from aiohttp import web
from msgspec import Struct

from reference_sender.api.reading_order import ReadingOrder

# Closing with unread data resets the connection, and the client may lose the answer.
_LINGER_S = 1.0


class Limits(Struct, frozen=True):
    """Limits for one client and for all clients together.

    ``request_s`` limits the time for a head, then for its body, and the time between two reads of an answer
    by the client. ``idle_s`` limits the time between two requests. ``head_bytes`` limits the bytes of all
    unfinished heads together.
    """

    connections: int = 4_096
    request_s: float = 30.0
    idle_s: float = 75.0
    head_bytes: int = 64 * 1024 * 1024
    sweep_every_s: float = 1.0  # how often these times are looked at


class Connections:
    """Called by the event loop's server for each client: it is the protocol factory."""

    def __init__(
        self, server: web.Server, make_protocol: Callable[[], asyncio.BaseProtocol], limits: Limits
    ) -> None:
        """``make_protocol`` makes the connections of ``server``."""
        self._server = server
        self._make_protocol = make_protocol
        self.limits = limits
        self._open: set[_LimitedConnection] = set()
        self._by_protocol: dict[asyncio.BaseProtocol, _LimitedConnection] = {}
        self.head_bytes = 0
        self.order = ReadingOrder()
        self._sweeping: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def __call__(self) -> asyncio.Protocol:
        return _LimitedConnection(self, self._make_protocol())

    def start(self) -> None:
        """Start to check connections for their time limits."""
        self._sweeping = asyncio.create_task(self._sweep())

    async def finish(self, grace_s: float) -> None:
        """Close each connection when the requests that it has read are answered; abort the others after
        ``grace_s``.
        """
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._server.pre_shutdown()
        await self._server.shutdown(grace_s)
        for connection in list(self._open):
            connection.abort()

    def begun(self, request: web.BaseRequest) -> None:
        """The head of ``request`` is complete. The handler has begun to answer it."""
        connection = self._by_protocol.get(request.protocol)
        if connection is not None:
            connection.begun()

    def ended(self, request: web.BaseRequest) -> None:
        """``request`` is answered. The next byte begins another request."""
        connection = self._by_protocol.get(request.protocol)
        if connection is not None:
            connection.ended()

    def add(self, connection: _LimitedConnection) -> bool:
        """False if the limit is reached."""
        full = len(self._open) >= self.limits.connections
        self._open.add(connection)
        if not full:
            self._by_protocol[connection.inner] = connection
        return not full

    def remove(self, connection: _LimitedConnection) -> bool:
        """False if it was over the limit."""
        self._open.discard(connection)
        return self._by_protocol.pop(connection.inner, None) is not None

    async def _sweep(self) -> None:
        """One timer for all connections. An overdue connection is found at most one sweep late."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.limits.sweep_every_s)
            now_s = loop.time()
            for connection in list(self._open):
                connection.check(now_s)


class _LimitedConnection(asyncio.Protocol):
    """aiohttp's protocol, with the progress of its current request."""

    def __init__(self, all_of: Connections, inner: asyncio.BaseProtocol) -> None:
        self.inner = cast(asyncio.Protocol, inner)
        self._all = all_of
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._refused = False  # no more data is read
        self._answering = False
        self._head_bytes = 0  # of a request whose head is not whole
        self._head_began_s = 0.0
        self._stuck_bytes: int | None = None  # that were not taken at the last look; None: all are taken
        self._stuck_since_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport does not subclass asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)
        if self._all.add(self):
            self.inner.connection_made(transport)
        else:
            self._refuse(429, "too_many_connections", "too many connections: try again")

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if not self._answering:
            if not self._head_bytes:
                self._head_began_s = self._loop.time()
            self._head_bytes += len(data)
            self._all.head_bytes += len(data)
            if self._all.head_bytes > self._all.limits.head_bytes:
                self._refuse(431, "too_large", "too much data of unfinished requests: try again")
                return
            self._all.order.received(self, data)
        else:
            self.inner.data_received(data)

    def read(self, data: bytes) -> None:
        """Read the head of a request, and what came with it."""
        if not self._refused:
            self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        self._all.order.hurry(self)
        return None if self._refused else self.inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        self._all.order.forget(self)
        self._transport = None
        if self._all.remove(self):
            self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._stuck_bytes, self._stuck_since_s = self._unsent(), self._loop.time()
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self._stuck_bytes = None
        self.inner.resume_writing()

    def begun(self) -> None:
        self._answering = True
        self._forget_head()

    def ended(self) -> None:
        self._answering = False

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def check(self, now_s: float) -> None:
        """Close the connection if its client has exceeded a time limit."""
        patience_s = self._all.limits.request_s
        if self._stuck_bytes is not None:
            unsent = self._unsent()
            if unsent < self._stuck_bytes:
                self._stuck_bytes, self._stuck_since_s = unsent, now_s
            elif now_s - self._stuck_since_s > patience_s:
                self.abort()
        if self._head_bytes and now_s - self._head_began_s > patience_s:
            self._refuse(408, "too_slow", f"the request's head did not arrive within {patience_s:g} s")

    def _unsent(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def _forget_head(self) -> None:
        self._all.head_bytes -= self._head_bytes
        self._head_bytes = 0

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Send an error answer, and close the connection a little later."""
        transport = self._transport
        if self._refused or transport is None:
            return
        self._refused = True
        self._forget_head()
        body = json.dumps({"error": {"code": code, "field": "", "message": message}}).encode()
        transport.write(
            b"HTTP/1.1 %d Refused\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
            b"Retry-After: 1\r\nConnection: close\r\n\r\n%b" % (status, len(body), body)
        )
        self._loop.call_later(_LINGER_S, transport.close)
