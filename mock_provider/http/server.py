"""Listens for HTTP and gives each request to an application."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from mock_provider.http.connection import Application, HttpConnection
from mock_provider.http.open_connections import ConnectionLimits, OpenConnections
from user_input.listening import listen


class HttpListenSettings(Struct, frozen=True):
    """Addresses to listen at, limits for clients, and the longest wait for replies when stopping."""

    host: str = "127.0.0.1"
    port: int = 0
    backup_port: int | None = None  # of the backup host, 0: the system chooses; None: there is none
    limits: ConnectionLimits = ConnectionLimits()
    stop_grace_s: float = 3.0


class HttpServer:
    """``second`` answers at the backup host's address, if there is one."""

    def __init__(self, application: Application, second: Application, settings: HttpListenSettings) -> None:
        self._application = application
        self._second = second
        self._settings = settings
        self._connections = OpenConnections(settings.limits)
        self._listening: list[asyncio.Server] = []
        self.backup_url = ""

    async def start(self) -> str:
        """Listen; the URL it answers at. Raises ``ListenAddressError`` for an address that cannot be used."""
        url = await self._listen(self._application, self._settings.port, "--port")
        self._connections.start()
        if self._settings.backup_port is not None:
            try:
                self.backup_url = await self._listen(
                    self._second, self._settings.backup_port, "--backup-port"
                )
            except OSError:
                await self.stop()
                raise
        return url

    async def stop(self) -> None:
        """Stop accepting, answer pending requests for at most the grace period, then close."""
        if not self._listening:
            return
        for listening in self._listening:
            listening.close()
        await self._connections.finish(self._settings.stop_grace_s)
        for listening in self._listening:
            await listening.wait_closed()
        self._listening.clear()

    async def _listen(self, application: Application, port: int, option: str) -> str:
        listening, address = await listen(
            lambda: HttpConnection(application, self._connections), self._settings.host, port, option
        )
        self._listening.append(listening)
        return f"http://{address}"
