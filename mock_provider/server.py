"""The HTTP face: each request to the wire it speaks, to the admin API or to the page."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from mock_provider.admin import Admin
from mock_provider.http_connection import HttpConnection, OpenConnections, Respond, plain_error
from mock_provider.pages import load_pages
from mock_provider.service import Service
from mock_provider.wire.calls import WireRequest


class ListenSettings(Struct, frozen=True):
    """Where to listen, the largest body taken, and how long a reply may be waited for when stopping."""

    host: str = "127.0.0.1"
    port: int = 0
    max_body_bytes: int = 16 * 1024 * 1024
    stop_grace_s: float = 3.0


class Server:
    """Listens, and gives each request to whom it is for."""

    def __init__(self, service: Service, admin: Admin, settings: ListenSettings) -> None:
        self._service = service
        self._admin = admin
        self._settings = settings
        self._connections = OpenConnections()
        self._listening: asyncio.Server | None = None
        self._pages = load_pages()

    async def start(self) -> str:
        """Listen; the URL it answers at. Raises ``OSError`` where the address cannot be had."""
        limit = self._settings.max_body_bytes
        self._listening = await asyncio.get_running_loop().create_server(
            lambda: HttpConnection(self, self._connections, limit),
            self._settings.host,
            self._settings.port,
            backlog=1024,
        )
        host, port = self._listening.sockets[0].getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    async def stop(self) -> None:
        """Stop accepting, answer what waits for at most the grace, then close."""
        if self._listening is None:
            return
        self._listening.close()
        await self._connections.finish(self._settings.stop_grace_s)
        await self._listening.wait_closed()
        self._listening = None

    def handle(self, request: WireRequest, respond: Respond) -> int | None:
        path = request.path
        wire = self._service.wire_of(path)
        if wire is not None:
            return self._service.ask(wire, request, respond)
        if path.startswith("/admin/"):
            self._admin.handle(request, respond)
            return None
        page = self._pages.get(path) if request.method in ("GET", "HEAD") else None
        respond(plain_error(404, "Not found") if page is None else page)
        return None

    def abandon(self, number: int) -> None:
        self._service.driver.forget(number)
