"""The HTTP connections of a server: how many there may be, and how long one may keep it waiting."""

from __future__ import annotations

import asyncio
from typing import Protocol

from msgspec import Struct

from mock_provider.http.known_heads import KnownHeads


class ConnectionLimits(Struct, frozen=True):
    """What one client, and all of them together, may cost.

    ``request_s`` is the time in which a request that was begun must be whole, ``idle_s`` that between two.
    ``receiving_bytes`` is what all bodies that come in pieces may hold at a time.
    """

    connections: int = 4_096
    body_bytes: int = 16 * 1024 * 1024
    receiving_bytes: int = 256 * 1024 * 1024
    request_s: float = 30.0
    idle_s: float = 300.0
    sweep_every_s: float = 5.0  # how often both are looked at: a connection is closed so much late at most


class OpenConnection(Protocol):
    def finish(self) -> None:
        """Read no more, and close when what is under way is answered."""

    def abort(self) -> None:
        """Close at once."""

    def age(self, idle_sweeps: int, request_sweeps: int) -> None:
        """A sweep has come: close where it was idle, or one request was coming, for so many of them."""


class OpenConnections:
    """The connections a server has at the moment, and the request heads they have met."""

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
        """Begin to look for connections that keep the server waiting, on the running event loop."""
        self._sweeping = asyncio.create_task(self._sweep())

    async def finish(self, grace_s: float) -> None:
        """Close each when what it has read is answered; cut those that still wait after ``grace_s``."""
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
        """One timer for all: what is too old is found up to a sweep late."""
        every_s = self.limits.sweep_every_s
        idle = max(1, round(self.limits.idle_s / every_s))
        request = max(1, round(self.limits.request_s / every_s))
        while True:
            await asyncio.sleep(every_s)
            for connection in list(self._open):
                connection.age(idle, request)
