"""The HTTP connections of a server, and their limits: number, bytes and times."""

from __future__ import annotations

import asyncio
from typing import Protocol

from msgspec import Struct

from mock_provider.http.known_heads import KnownHeads


class ConnectionLimits(Struct, frozen=True):
    """``request_s``: from the first byte of a request to its last; ``idle_s``: between two requests.
    ``receiving_bytes``: of all bodies that are being received in pieces, together.
    """

    connections: int = 4_096
    body_bytes: int = 16 * 1024 * 1024
    receiving_bytes: int = 256 * 1024 * 1024
    request_s: float = 30.0
    idle_s: float = 300.0
    sweep_every_s: float = 5.0  # how often both are checked: the longest delay before a connection is closed


class OpenConnection(Protocol):
    def finish(self) -> None:
        """Stop reading, and close when the pending requests are answered."""

    def abort(self) -> None:
        """Close at once."""

    def age(self, idle_sweeps: int, request_sweeps: int) -> None:
        """Called at each sweep. Close after ``idle_sweeps`` idle, or ``request_sweeps`` in one request."""


class OpenConnections:
    """The open connections of a server, and the request heads that they share."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.heads = KnownHeads()
        self.receiving_bytes = 0
        self._open: set[OpenConnection] = set()
        self._none_left = asyncio.Event()
        self._none_left.set()
        self._sweeping: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    @property
    def full(self) -> bool:
        return len(self._open) >= self.limits.connections

    def add(self, connection: OpenConnection) -> None:
        self._open.add(connection)
        self._none_left.clear()

    def remove(self, connection: OpenConnection) -> None:
        self._open.discard(connection)
        if not self._open:
            self._none_left.set()

    def start(self) -> None:
        """Start closing connections that exceed the time limits, on the running event loop."""
        self._sweeping = asyncio.create_task(self._sweep())

    async def finish(self, grace_s: float) -> None:
        """Close each when its pending requests are answered; reset the others after ``grace_s``."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connection in list(self._open):
            connection.finish()
        try:
            async with asyncio.timeout(grace_s):
                await self._none_left.wait()
        except TimeoutError:
            for connection in list(self._open):
                connection.abort()
            await self._none_left.wait()

    async def _sweep(self) -> None:
        """One timer for all connections: limits apply up to one interval late."""
        every_s = self.limits.sweep_every_s
        idle = max(1, round(self.limits.idle_s / every_s))
        request = max(1, round(self.limits.request_s / every_s))
        while True:
            await asyncio.sleep(every_s)
            for connection in list(self._open):
                connection.age(idle, request)
