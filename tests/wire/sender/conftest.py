"""A sender for each test."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import RawTestServer
from sender_world import GatedStore, RunWorld, Steps, World

from reference_sender.api.rules import NO_REPORTS
from reference_sender.campaign_report.settings import CampaignReportSettings
from reference_sender.policy.settings import NO_POLICY, PolicySettings


@pytest.fixture
def run_world(tmp_path: Path) -> RunWorld:
    """Runs the steps of a test on a sender. Each further call restarts the sender on the same store."""

    def run(
        steps: Steps,
        max_backlog: int = 100_000,
        policy: PolicySettings = NO_POLICY,
        reports: CampaignReportSettings = NO_REPORTS,
    ) -> None:
        async def live() -> None:
            store = GatedStore(tmp_path / "messages.db")
            async with aiohttp.ClientSession() as session:
                world = World(store, session, max_backlog, policy, reports)
                server = RawTestServer(world.api.handle)
                await server.start_server(max_line_size=2**20, auto_decompress=False)
                world.url = str(server.make_url("")).rstrip("/")
                try:
                    await steps(world)
                finally:
                    store.failing = False
                    await world.driver.drain(5)
                    world.lag.stop()
                    world.queries.close()
                    await server.close()
                    store.close()

        asyncio.run(live())

    return run
