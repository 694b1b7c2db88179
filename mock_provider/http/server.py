"""The HTTP face: each request to the protocol it speaks, to the admin API or to the page."""

from __future__ import annotations

import asyncio
import time

from msgspec import Struct

from mock_provider.http.connection import Application, HttpConnection, Respond, plain_error
from mock_provider.http.hosts import AllowedHosts
from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.http.open_connections import ConnectionLimits, OpenConnections
from mock_provider.inbox.admin import Admin
from mock_provider.inbox.events import json_bytes
from mock_provider.inbox.pages import load_pages
from mock_provider.listening import listen
from mock_provider.runtime.provider import ProviderRuntime


class HttpListenSettings(Struct, frozen=True):
    """Where to listen, what clients may cost, and how long a reply may be waited for when stopping."""

    host: str = "127.0.0.1"
    port: int = 0
    backup_port: int | None = None  # of the backup host, 0: the system chooses; None: there is none
    limits: ConnectionLimits = ConnectionLimits()
    stop_grace_s: float = 3.0
    allow_hosts: tuple[str, ...] = ()  # names by which the admin API and the page may be asked for


class HttpServer:
    """Listens, and gives each request to whom it is for."""

    def __init__(self, service: ProviderRuntime, admin: Admin, settings: HttpListenSettings) -> None:
        self._service = service
        self._admin = admin
        self._settings = settings
        self._connections = OpenConnections(settings.limits)
        self._hosts = AllowedHosts((settings.host, *settings.allow_hosts))
        self._listening: list[asyncio.Server] = []
        self.backup_url = ""
        self._pages = load_pages()

    async def start(self) -> str:
        """Listen; the URL it answers at. Raises ``ListenError`` where an address cannot be had."""
        url = await self._listen(self, self._settings.port, "--port")
        self._connections.start()
        if self._settings.backup_port is not None:
            try:
                self.backup_url = await self._listen(
                    _BackupHost(self), self._settings.backup_port, "--backup-port"
                )
            except OSError:
                await self.stop()
                raise
        return url

    async def stop(self) -> None:
        """Stop accepting, answer what waits for at most the grace, then close."""
        if not self._listening:
            return
        for listening in self._listening:
            listening.close()
        await self._connections.finish(self._settings.stop_grace_s)
        for listening in self._listening:
            await listening.wait_closed()
        self._listening.clear()

    def handle(self, request: HttpRequest, respond: Respond, backup_host: bool = False) -> int | None:
        path = request.path
        protocol = self._service.protocol_of(path)
        if protocol is not None:
            return self._service.ask(protocol, request, respond, backup_host)
        page = self._pages.get(path) if request.method in ("GET", "HEAD") else None
        admin = path.startswith("/admin/")
        if (admin or page is not None) and not self._hosts.allows(request.host):
            respond(_foreign_host(request.host))
            return None
        if admin:
            self._admin.handle(request, respond)
            return None
        if page is None:
            page = plain_error(404, "Not found")
            self._service.refusals.of_request(time.monotonic_ns(), request, page)
        respond(page)
        return None

    def abandon(self, number: int) -> None:
        self._service.driver.forget(number)

    async def _listen(self, application: Application, port: int, option: str) -> str:
        listening, address = await listen(
            lambda: HttpConnection(application, self._connections), self._settings.host, port, option
        )
        self._listening.append(listening)
        return f"http://{address}"


def _foreign_host(host: str) -> HttpResponse:
    name = host.rpartition(":")[0] or host
    reason = f"the host name {host} is not allowed: start the provider with --allow-host {name}"
    return HttpResponse(403, json_bytes({"errors": [reason]}))


class _BackupHost:
    """The same provider under its backup address (SMSAPI's api2), which an outage of the first may spare."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server

    def handle(self, request: HttpRequest, respond: Respond) -> int | None:
        return self._server.handle(request, respond, backup_host=True)

    def abandon(self, number: int) -> None:
        self._server.abandon(number)
