"""A sender with a story for each test."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import RawTestServer
from sender_world import GatedStore, Play, Story, World


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Runs a story in a world; stories of one test follow each other on the same store, as restarts do."""

    def run(story: Story, max_backlog: int = 100_000) -> None:
        async def live() -> None:
            store = GatedStore(tmp_path / "messages.db")
            async with aiohttp.ClientSession() as session:
                world = World(store, session, max_backlog)
                server = RawTestServer(world.api.handle)
                await server.start_server(max_line_size=2**20, auto_decompress=False)
                world.url = str(server.make_url("")).rstrip("/")
                try:
                    await story(world)
                finally:
                    store.failing = False
                    await world.driver.drain(5)
                    world.lag.stop()
                    world.queries.close()
                    await server.close()
                    store.close()

        asyncio.run(live())

    return run
