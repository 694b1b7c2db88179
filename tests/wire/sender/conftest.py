"""A sender for each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from postgres_server import PostgresServer
from sender_world import RunWorld, WorldSteps, run_sender

from reference_sender.api.rules import NO_REPORTS
from reference_sender.campaign_report.settings import CampaignReportSettings
from reference_sender.policy.settings import NO_POLICY, PolicySettings


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each store of real senders."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/messages.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.without_store()


@pytest.fixture
def run_world(tmp_path: Path) -> RunWorld:
    """Runs the steps of a test on a sender. Each further call restarts the sender on the same store."""

    def run(
        steps: WorldSteps,
        max_backlog: int = 100_000,
        policy: PolicySettings = NO_POLICY,
        reports: CampaignReportSettings = NO_REPORTS,
    ) -> None:
        run_sender(tmp_path / "messages.db", steps, max_backlog, policy, reports)

    return run
