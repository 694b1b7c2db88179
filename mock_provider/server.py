"""The HTTP face: each request to the wire it speaks, to the admin API or to the page."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web
from msgspec import Struct

from mock_provider.http_reply import CutReply, WholeReply, whole_reply
from mock_provider.wire.calls import WireReply, WireRequest

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.http_parser import RawRequestMessage
    from aiohttp.streams import StreamReader
    from aiohttp.web_protocol import RequestHandler

    from mock_provider.admin import Admin
    from mock_provider.service import Service

log = logging.getLogger(__name__)

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_PAGE = Path(__file__).with_name("page.html")


class ListenSettings(Struct, frozen=True):
    """Where to listen, the largest body taken, and how long a reply may be waited for when stopping."""

    host: str = "127.0.0.1"
    port: int = 0
    max_body_bytes: int = 16 * 1024 * 1024
    stop_grace_s: float = 3.0


class Server:
    """Listens, and translates between aiohttp's requests and the service."""

    def __init__(self, service: Service, admin: Admin, settings: ListenSettings) -> None:
        self._service = service
        self._admin = admin
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._runner: web.ServerRunner | None = None
        self._page = WireReply(200, _PAGE.read_bytes(), "text/html; charset=utf-8")

    async def start(self) -> str:
        """Listen; the URL it answers at. Raises ``OSError`` where the address cannot be had."""
        server = web.Server(
            self._handle,
            request_factory=self._make_request,
            # A client that hangs up while its reply is held back must not leave a handler waiting for ever.
            handler_cancellation=True,
            access_log=None,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=self._settings.stop_grace_s)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port, backlog=1024)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    async def stop(self) -> None:
        """Stop accepting, answer what waits for at most the grace, then close."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _make_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        return web.BaseRequest(
            message, payload, protocol, writer, task, self._loop,
            client_max_size=self._settings.max_body_bytes,
        )  # fmt: skip

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        try:
            if (wire := self._service.wire_of(path)) is not None:
                wire_request = await self._read(request, path, query)
                asked = self._service.ask(wire, wire_request)
                reply = asked if isinstance(asked, WireReply) else await asked
                return CutReply() if reply is None else whole_reply(reply, request)
            if path.startswith("/admin/"):
                return whole_reply(await self._admin.handle(request, path), request)
        except web.HTTPRequestEntityTooLarge:
            return _closing(request, 413, "Request entity too large")
        except (web.RequestPayloadError, ValueError) as error:
            log.info("unreadable request body: %s", type(error).__name__)
            return _closing(request, 400, "Unreadable request body")
        if path == "/" and request.method in ("GET", "HEAD"):
            return whole_reply(self._page, request)
        return whole_reply(_plain_error(404, "Not found"), request)

    async def _read(self, request: web.BaseRequest, path: str, query: str) -> WireRequest:
        headers = request.headers
        content_type = headers.get("Content-Type", "")
        if content_type.startswith(_MULTIPART):
            # PHP's curl sends an array of fields so; to a wire it is a form like any other.
            fields = [
                (name, value) for name, value in (await request.post()).items() if isinstance(value, str)
            ]
            body = urlencode(fields).encode()
            content_type = _FORM
        else:
            body = await request.read()
        return WireRequest(request.method, path, query, content_type, headers.get("Authorization", ""), body)


def _plain_error(status: int, message: str) -> WireReply:
    return WireReply(status, b'{"message":"%b","error":"http_%d","errors":[]}' % (message.encode(), status))


def _closing(request: web.BaseRequest, status: int, message: str) -> WholeReply:
    """A reply to a request whose body was not read to its end: the connection cannot carry another."""
    return whole_reply(_plain_error(status, message), request, close=True)
