"""The HTTP client of every route: kept connections, time-outs, missing replies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Protocol

import aiohttp

from reference_sender.clock import now_ns, wall_ahead_ns
from reference_sender.dispatch.values import Message, Report, Result
from reference_sender.routes.protocol import (
    BalanceQuery,
    NoReply,
    ProviderReply,
    ProviderRequest,
    RouteProtocol,
    StatusQuery,
    results_of_all,
)

_CONNECT_S = 5.0
# Lookups and status queries have connections of their own: a query that hangs must not hold a message back.
_QUERY_CONNECTIONS = 2
# The close of an idle connection is noticed within a round trip; a later one is a real failure.
_CLOSE_MET_S = 1.0
_MOST_LOOKUP_BYTES = 1024 * 1024


class Route(Protocol):
    """A provider's client, as the driver uses it. No method raises for a failure of provider or network."""

    async def submit(self, messages: Sequence[Message]) -> Sequence[Result]:
        """Submit ``messages`` in one request. Returns one result per message, in the same order."""
        ...

    async def look_up(self, message: Message, since_ns: int) -> Sequence[Report] | None:
        """Reports about the provider's messages that may be ``message``, submitted at ``since_ns``; None if
        the provider gives no result.
        """
        ...

    async def ask_report(self, provider_id: str, key: str) -> Report | None:
        """The state of a message that the provider accepted, with the report's ``key``; None if it gives
        none.
        """
        ...

    async def close(self) -> None: ...


class HttpRoute:
    """One account at one address. Connections are kept and shared: at most ``max_in_flight`` for messages,
    and ``_QUERY_CONNECTIONS`` for queries.

    ``repeats``: whether the provider refuses a repeat, so that a request may be sent again at once.
    """

    def __init__(
        self,
        protocol: RouteProtocol,
        max_in_flight: int,
        timeout_s: float,
        repeats: bool,
        status: StatusQuery | None = None,
        balance: BalanceQuery | None = None,
    ) -> None:
        self._protocol = protocol
        self._status = status
        self._balance = balance
        self._tries = max_in_flight if repeats else 1
        self._loop = asyncio.get_running_loop()
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=min(_CONNECT_S, timeout_s))
        self._submits = _session(max_in_flight, self._timeout)
        self._queries = _session(_QUERY_CONNECTIONS, self._timeout)

    @property
    def protocol(self) -> RouteProtocol:
        """The provider's formats, which also read its reports."""
        return self._protocol

    async def submit(self, messages: Sequence[Message]) -> Sequence[Result]:
        protocol = self._protocol
        fitting = protocol.fitting(messages)
        request = protocol.encode(fitting, now_ns(), wall_ahead_ns())
        until_ns = min(message.expires_ns for message in messages)
        reply = await self._reply(request, most_bytes(len(fitting)), until_ns)
        return results_of_all(messages, fitting, protocol.interpret(fitting, reply))

    async def look_up(self, message: Message, since_ns: int) -> Sequence[Report] | None:
        lookup = self._protocol.lookup
        if lookup is None:
            return None
        reply = await self._reply(lookup.request(message), _MOST_LOOKUP_BYTES)
        return lookup.found(message, (since_ns + wall_ahead_ns()) / 1e9, reply)

    async def ask_report(self, provider_id: str, key: str) -> Report | None:
        if self._status is None:
            return None
        reply = await self._reply(self._status.request(provider_id), _MOST_LOOKUP_BYTES)
        return self._status.found(provider_id, key, reply)

    async def ask_balance(self) -> float | None:
        """The account's balance in the provider's unit; None if the provider gives none."""
        if self._balance is None:
            return None
        return self._balance.found(await self._reply(self._balance.request(), _MOST_LOOKUP_BYTES))

    async def close(self) -> None:
        await self._submits.close()
        await self._queries.close()

    async def _reply(self, request: ProviderRequest, most: int, until_ns: int | None = None) -> ProviderReply:
        """The reply to ``request``, or why there is none. A request with messages is not sent after
        ``until_ns``; None: a query.

        A provider closes a connection that was idle for a long time. If a request is sent at that moment, the
        provider probably did not read it, and it is sent again at once on another connection. This is not
        certain, so it is done only if the provider refuses repeats. All time-outs, and connections that broke
        after a wait, are left to the dispatcher.
        """
        not_sent = ProviderReply(failure=NoReply.NOT_SENT)
        for _ in range(self._tries):
            attempt = _Exchange()
            began_s = self._loop.time()
            try:
                return await self._exchange(request, most, attempt, until_ns)
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                if not attempt.connected:
                    return not_sent
                closed = isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError)
                met_a_close = closed and attempt.reused and not attempt.answered
                if not met_a_close or self._loop.time() - began_s > _CLOSE_MET_S:
                    break
            not_sent = ProviderReply(failure=NoReply.NO_ANSWER)  # from now on, the provider may have it
        return ProviderReply(failure=NoReply.NO_ANSWER)

    async def _exchange(
        self, request: ProviderRequest, most: int, attempt: _Exchange, until_ns: int | None
    ) -> ProviderReply:
        session, timeout = self._queries, self._timeout
        if until_ns is not None:
            session = self._submits
            left_s = (until_ns - now_ns()) / 1e9
            if left_s <= 0:
                raise TimeoutError
            if timeout.connect is not None and left_s < timeout.connect:
                timeout = aiohttp.ClientTimeout(total=timeout.total, connect=left_s)
        async with session.request(
            request.method,
            request.url,
            data=request.body or None,
            headers=request.headers,
            allow_redirects=False,
            timeout=timeout,
            trace_request_ctx=attempt,
        ) as response:
            attempt.answered = True
            answer = b""
            async for piece in response.content.iter_any():
                answer += piece
                if len(answer) > most:
                    response.close()
                    return ProviderReply(failure=NoReply.TOO_LARGE)
            headers = response.headers
            return ProviderReply(
                response.status,
                answer,
                headers.get("Retry-After"),
                headers.get("Date"),
                (now_ns() + wall_ahead_ns()) / 1e9,
            )


def most_bytes(count: int) -> int:
    """The longest accepted reply to ``count`` messages: several times the length that providers send."""
    return 65_536 + 1_024 * count


class _Exchange:
    """What is known about one request in flight."""

    __slots__ = ("answered", "connected", "reused")

    def __init__(self) -> None:
        self.connected = False  # it has a connection; without one, nothing of it was sent
        self.reused = False  # its connection was used before
        self.answered = False  # the head of a reply has arrived


def _session(connections: int, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_reuseconn.append(_note_reuse)
    tracing.on_connection_create_end.append(_note_connection)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=60.0),
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept-Encoding"),
        trace_configs=[tracing],
    )


async def _note_reuse(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.reused = True
    context.trace_request_ctx.connected = True


async def _note_connection(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.connected = True
