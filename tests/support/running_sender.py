"""Whole senders on real sockets in the test's event loop: store, routes, API and background work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from any_hour import check_any_hour

from reference_sender.alerts.rules import AlertSettings
from reference_sender.dispatch import DispatchSettings
from reference_sender.policy.settings import NO_POLICY, PolicySettings
from reference_sender.routes.url import read_route
from reference_sender.server import Sender, SenderSettings
from reference_sender.store import open_store

_TOKEN = "t"


class RunningSender:
    """A sender, and a client that talks to it."""

    def __init__(self, url: str, sender: Sender, session: aiohttp.ClientSession, report_secret: str) -> None:
        self.url = url
        self.api = sender.api
        self.report_secret = report_secret  # the end of the addresses that providers report to
        self._session = session

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and answer; ``body`` is sent as JSON."""
        headers = {"Authorization": f"Bearer {_TOKEN}"}
        async with self._session.request(method, self.url + path, headers=headers, json=body) as answer:
            read = await answer.read()
            return answer.status, json.loads(read) if read else None

    async def ok(self, method: str, path: str, body: object = None) -> Any:
        """The answer, which is not an error."""
        status, answer = await self.call(method, path, body)
        assert status < 300, answer
        return answer

    async def gauges(self) -> Mapping[str, Any]:
        """Of ``GET /v1/state``."""
        state = await self.ok("GET", "/v1/state")
        gauges: Mapping[str, Any] = state["gauges"]
        return gauges


@asynccontextmanager
async def running_sender(
    store: str,
    routes: tuple[str, ...],
    policy: PolicySettings = NO_POLICY,
    dispatch: DispatchSettings | None = None,
    drain_s: float = 1.0,
    alerts: AlertSettings | None = None,
) -> AsyncIterator[RunningSender]:
    """A sender that ends with the block. ``routes`` are URLs. Its lease is as short as can be."""
    check_any_hour(policy)
    settings = SenderSettings(
        routes=tuple(read_route(text) for text in routes),
        store=store,
        lease_s=1.0,
        drain_s=drain_s,
        policy=policy,
        dispatch=dispatch or DispatchSettings.model_validate({}),
        alerts=alerts or AlertSettings(),
    )
    handlers: list[Sender] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return await handlers[0].api.handle(request)

    opened = open_store(store, settings.membership())
    server = RawTestServer(handle)
    await server.start_server(max_line_size=2**20, auto_decompress=False)
    url = str(server.make_url("")).rstrip("/")
    async with aiohttp.ClientSession() as session:
        sender = Sender(settings, opened, _TOKEN, url)
        handlers.append(sender)
        try:
            await sender.recover()
            yield RunningSender(url, sender, session, opened.identity().report_secret)
            assert not sender.background.failed.is_set(), sender.background.reason
        finally:
            sender.api.stop()
            await sender.close()
            await server.close()
            opened.close()


@asynccontextmanager
async def two_nodes(
    store: str, route: str, policy: PolicySettings = NO_POLICY
) -> AsyncIterator[tuple[RunningSender, RunningSender]]:
    """Two nodes of one PostgreSQL, each with its share of the limits."""
    async with (
        running_sender(store, (route,), policy) as one,
        running_sender(store, (route,), policy) as other,
    ):
        for node in (one, other):
            await until(node, lambda gauges: 0.3 < gauges["share"] < 0.6)
        yield one, other


async def until(node: RunningSender, wanted: Callable[[Mapping[str, Any]], bool]) -> None:
    """Wait until the gauges of ``node`` are as wanted."""
    await until_true(lambda: _of(node, wanted))


async def until_true(condition: Callable[[], Awaitable[object]], within_s: float = 20.0) -> None:
    """Wait for a condition that asks a sender."""
    async with asyncio.timeout(within_s):
        while not await condition():
            await asyncio.sleep(0.02)


async def _of(node: RunningSender, wanted: Callable[[Mapping[str, Any]], bool]) -> bool:
    return wanted(await node.gauges())
