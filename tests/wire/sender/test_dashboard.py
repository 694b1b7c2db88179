"""The dashboard's events over real sockets: who gets them, and what a viewer may cost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from dispatch_states import state_of
from msgspec.structs import replace
from sender_thread import TOKEN, SenderThread
from waiting import eventually_in_loop

from reference_sender.alerts.rules import AlertRules
from reference_sender.alerts.watch import Alerts
from reference_sender.api.connections import Connections, Limits
from reference_sender.dashboard.board import Board, CampaignAtGate, SenderCounters
from reference_sender.dashboard.feed import MOST_VIEWERS, DashboardFeed
from reference_sender.dashboard.handlers import EVENTS_PATH, event_handlers
from reference_sender.dispatch.campaign_figures import CampaignCounts, CountedCampaigns
from reference_sender.policy.campaigns import Campaign
from reference_sender.routes.url import read_route

ROUTE = read_route("smsapi+http://t@127.0.0.1:9?name=main")  # nothing listens there
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


async def events(reader: aiohttp.StreamReader) -> AsyncIterator[tuple[str, Any]]:
    while event := await reader.readuntil(b"\n\n"):
        name, data = event.decode().strip().split("\n")
        yield name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_events_come_by_themselves_and_end_with_the_sender(tmp_path: Path) -> None:
    async def follow(sender: SenderThread) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.get(sender.url + EVENTS_PATH, headers=HEADERS) as answer,
        ):
            assert answer.content_type == "text/event-stream"
            stream = events(answer.content)
            assert (await anext(stream))[0] == "history"
            name, first = await anext(stream)
            assert (name, first["campaigns"], first["accepted"]) == ("overview", [], 0)
            await asyncio.to_thread(sender.campaign, "may", 30)
            async for _, overview in stream:
                if overview["accepted"] == 30:
                    break
            (row,) = overview["campaigns"]
            assert (row["name"], row["messages"], row["queued"]) == ("may", 30, 30)
            assert [each["message_class"] for each in overview["classes"]] == [
                "otp",
                "transactional",
                "marketing",
            ]
            sender.stop_soon()
            async with asyncio.timeout(5):
                async for _ in stream:  # until the sender ends it
                    pass

    with SenderThread(tmp_path / "s.db", routes=(ROUTE,), drain_s=0.1) as sender:
        assert sender.ready["dashboard"] == sender.url + "/"
        asyncio.run(follow(sender))


def test_the_events_need_the_token_and_the_page_does_not(tmp_path: Path) -> None:
    async def ask(sender: SenderThread) -> None:
        async with aiohttp.ClientSession(sender.url) as session:
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                async with session.get(EVENTS_PATH, headers=headers) as answer:
                    assert answer.status == 401
            async with session.get("/") as answer:
                assert answer.status == 200
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                assert TOKEN not in await answer.text()
            async with session.head("/") as answer:
                assert answer.status == 200
            async with session.post("/", data=b"") as answer:
                assert answer.status == 405
            async with session.get("/nothing") as answer:
                assert answer.status == 404

    with SenderThread(tmp_path / "s.db", routes=(ROUTE,), drain_s=0.1) as sender:
        asyncio.run(ask(sender))


def seen() -> SenderCounters:
    """A sender with as many campaigns as the page shows, so that its events are long."""
    campaigns = [CampaignCounts(f"campaign-{number}", waiting=number) for number in range(50)]
    controls = {each.name: CampaignAtGate(Campaign(each.name), 0) for each in campaigns}
    totals = dict.fromkeys(("sent", "delivered", "failed", "expired"), 0)
    return SenderCounters(replace(state_of(), totals=totals), 0, 0, None, controls, campaigns)


@asynccontextmanager
async def quick_feed(limits: Limits) -> AsyncIterator[tuple[str, DashboardFeed, Connections]]:
    """A feed with an event every 2 ms, served as the sender serves it."""
    board = Board(CountedCampaigns([]), Alerts(AlertRules()))
    feed = DashboardFeed(board, seen, every_s=0.002)
    handler = event_handlers(feed)["GET", EVENTS_PATH]

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        connections.begun(request)
        try:
            return await handler(request, "")
        except Exception as error:  # ApiError: its status is what the test asks for
            return web.Response(status=getattr(error, "status", 500))
        finally:
            connections.ended(request)

    server = web.Server(handle)
    connections = Connections(server, server, limits)
    listening = await asyncio.get_running_loop().create_server(connections, "127.0.0.1", 0)
    connections.start()
    try:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}", feed, connections
    finally:
        feed.stop()
        listening.close()
        await connections.finish(1.0)


def test_a_viewer_that_does_not_read_delays_no_other_and_is_disconnected() -> None:
    async def run() -> None:
        limits = Limits(request_s=0.5, sweep_every_s=0.05)
        async with quick_feed(limits) as (place, feed, _), aiohttp.ClientSession() as session:
            host, _, port = place.partition(":")
            _, stalled = await asyncio.open_connection(host, int(port), limit=1)
            stalled.write(f"GET {EVENTS_PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            async with session.get(f"http://{place}{EVENTS_PATH}") as answer:
                stream = events(answer.content)
                await eventually_in_loop(lambda: feed.viewers == 2)
                points = 0
                async with asyncio.timeout(20):
                    async for _, _ in stream:
                        points += 1
                        if feed.viewers == 1:  # the deaf one was closed
                            break
                assert points > 50  # the other one was served all the time
            stalled.close()

    asyncio.run(run())


def test_the_number_of_viewers_is_limited() -> None:
    async def run() -> None:
        async with quick_feed(Limits()) as (place, feed, _), aiohttp.ClientSession() as session:
            url = f"http://{place}{EVENTS_PATH}"
            open_ones = [await session.get(url) for _ in range(MOST_VIEWERS)]
            assert {each.status for each in open_ones} == {200}
            async with session.get(url) as answer:
                assert answer.status == 429
            open_ones[0].close()
            await eventually_in_loop(lambda: feed.viewers == MOST_VIEWERS - 1)
            async with session.get(url) as answer:
                assert answer.status == 200
            for each in open_ones:
                each.close()

    asyncio.run(run())
