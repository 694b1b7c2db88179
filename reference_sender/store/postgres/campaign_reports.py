"""Reports on campaigns in PostgreSQL."""

from __future__ import annotations

from typing import Any

import asyncpg

from reference_sender.store import report_statements as statements
from reference_sender.store.campaign_reports import (
    CampaignProgress,
    CampaignRow,
    ReportControl,
    StoredReport,
)


async def write_report_control(connection: asyncpg.Connection[Any], control: ReportControl) -> None:
    """Store one of ``Work.controls``."""
    statement, values = statements.written(control)
    await connection.execute(statement, *values)


async def waiting(connection: asyncpg.Connection[Any]) -> list[StoredReport]:
    """As ``ReportStore.reports_waiting``."""
    return [statements.stored_report(row) for row in await connection.fetch(statements.WAITING)]


async def of_campaign(connection: asyncpg.Connection[Any], campaign: str) -> StoredReport | None:
    """As ``ReportStore.campaign_report``."""
    row = await connection.fetchrow(statements.OF_CAMPAIGN, campaign)
    return None if row is None else statements.stored_report(row)


async def progress(
    connection: asyncpg.Connection[Any], campaign: str, after_id: int, limit: int
) -> CampaignProgress:
    """As ``ReportStore.campaign_progress``."""
    row = await connection.fetchrow(statements.PROGRESS, campaign, after_id, limit)
    assert row is not None
    return CampaignProgress(*row)


async def page(
    connection: asyncpg.Connection[Any], campaign: str, after_id: int, limit: int
) -> list[CampaignRow]:
    """As ``ReportStore.campaign_rows``."""
    rows = await connection.fetch(statements.ROWS, campaign, after_id, limit)
    return [statements.campaign_row(row) for row in rows]
