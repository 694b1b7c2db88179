"""aiohttp's server for the API. A request that is not HTTP gets a JSON error, as every refused request does.

aiohttp answers them itself, in plain text with the rejected bytes. It has no setting for that, only the
method that its protocol calls.
"""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, InvalidURLError

from reference_sender.api.answers import ApiError, error_answer
from reference_sender.api.connections import Connections, Limits
from reference_sender.api.handlers import Api
from reference_sender.logs import http_logger

# A report call's URL contains a whole batch of reports.
_MAX_LINE_BYTES = 1024 * 1024
# Bytes read of a body that was refused early, so that the client gets its answer.
_LINGER_S = 5.0


class _JsonErrors(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """As aiohttp's, which logs the error and closes the connection. The parser's errors are JSON."""
        answer = super().handle_error(request, status, exc, message)
        if not isinstance(exc, HttpProcessingError):
            return answer
        what = "Invalid URL" if isinstance(exc, InvalidURLError) else _without_bytes(message or "")
        refused = error_answer(ApiError(400, "malformed", f"the request is not valid HTTP/1.1: {what}"))
        refused.force_close()
        return refused


def _without_bytes(message: str) -> str:
    """The parser's message without the quoted bytes, which follow a colon or are on lines of their own."""
    return message.partition("\n")[0].partition(": b")[0].rstrip(": .")


def serving(api: Api, limits: Limits) -> Connections:
    """The protocol factory for the event loop's server."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        connections.begun(request)
        try:
            return await api.handle(request)
        finally:
            connections.ended(request)

    def protocol() -> asyncio.Protocol:
        return _JsonErrors(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # allowed, as in web.Server, whose arguments have no types
            logger=http_logger(),
            max_line_size=_MAX_LINE_BYTES,
            keepalive_timeout=limits.idle_s,
            lingering_time=_LINGER_S,
            auto_decompress=False,  # bodies.py unpacks, within limits
        )

    loop = asyncio.get_running_loop()
    server = web.Server(handle)
    connections = Connections(server, protocol, limits)
    return connections
