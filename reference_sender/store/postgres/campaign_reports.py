"""Reports on campaigns in PostgreSQL."""

from __future__ import annotations

from typing import Any

import asyncpg

from reference_sender.dispatch.values import FINAL_STATES, State
from reference_sender.store.campaign_reports import (
    CampaignProgress,
    CampaignRow,
    ReportControl,
    ReportMade,
    ReportOrder,
    StoredReport,
    joined,
    separated,
)

_ORDER = """
INSERT INTO campaign_report VALUES ($1, $2, $3, $4, true, NULL, NULL, false)
ON CONFLICT (campaign) DO UPDATE SET due = true,
    ordered_ns = greatest(campaign_report.ordered_ns + 1, excluded.ordered_ns),
    language = coalesce(nullif(excluded.language, ''), campaign_report.language),
    recipients = coalesce(nullif(excluded.recipients, ''), campaign_report.recipients)
"""
_MADE = """
UPDATE campaign_report SET due = false, summary = $1, made_ns = $2, to_mail = $3
WHERE campaign = $4 AND ordered_ns = $5
"""
_MAILED = "UPDATE campaign_report SET to_mail = false WHERE campaign = $1 AND made_ns = $2"
_READ = (
    "SELECT campaign, ordered_ns, language, recipients, due, summary, made_ns, to_mail FROM campaign_report"
)
# ``m.campaign <> ''`` repeats the condition of the partial index, without which PostgreSQL would not use it.
_OF_CAMPAIGN = (
    "FROM message m LEFT JOIN progress p ON p.id = m.id LEFT JOIN hold h ON h.id = m.id"
    " WHERE m.campaign = $1 AND m.campaign <> '' AND m.id > $2 ORDER BY m.id LIMIT $3"
)
_ROWS = (
    "SELECT m.id, m.key, m.recipient, coalesce(p.state, 'queued'), coalesce(p.reason, ''), p.provider_id,"
    f" m.segments, m.created_ns, coalesce(h.not_before_ns, 0), coalesce(p.at_ns, m.created_ns) {_OF_CAMPAIGN}"
)
_PROGRESS = f"""
SELECT count(*), coalesce(max(id), 0), min(CASE WHEN final THEN NULL ELSE id END),
    coalesce(max(changed_ns), 0)
FROM (SELECT m.id AS id, coalesce(p.state, 'queued') = ANY($4) AS final,
    coalesce(p.at_ns, m.created_ns) AS changed_ns {_OF_CAMPAIGN}) AS next
"""
_FINAL = [state.value for state in FINAL_STATES]


async def write_report_control(connection: asyncpg.Connection[Any], control: ReportControl) -> None:
    """Store one of ``Work.controls``."""
    if isinstance(control, ReportOrder):
        recipients = joined(control.recipients)
        await connection.execute(_ORDER, control.campaign, control.at_ns, control.language, recipients)
    elif isinstance(control, ReportMade):
        made = (control.summary, control.made_ns, control.to_mail, control.campaign, control.ordered_ns)
        await connection.execute(_MADE, *made)
    else:
        await connection.execute(_MAILED, control.campaign, control.made_ns)


async def waiting(connection: asyncpg.Connection[Any]) -> list[StoredReport]:
    """As ``ReportStore.reports_waiting``."""
    rows = await connection.fetch(f"{_READ} WHERE due OR to_mail ORDER BY campaign")
    return [_stored_report(row) for row in rows]


async def of_campaign(connection: asyncpg.Connection[Any], campaign: str) -> StoredReport | None:
    """As ``ReportStore.campaign_report``."""
    row = await connection.fetchrow(f"{_READ} WHERE campaign = $1", campaign)
    return None if row is None else _stored_report(row)


async def progress(
    connection: asyncpg.Connection[Any], campaign: str, after_id: int, limit: int
) -> CampaignProgress:
    """As ``ReportStore.campaign_progress``."""
    row = await connection.fetchrow(_PROGRESS, campaign, after_id, limit, _FINAL)
    assert row is not None
    return CampaignProgress(*row)


async def page(
    connection: asyncpg.Connection[Any], campaign: str, after_id: int, limit: int
) -> list[CampaignRow]:
    """As ``ReportStore.campaign_rows``."""
    rows = await connection.fetch(_ROWS, campaign, after_id, limit)
    return [CampaignRow(row[0], row[1], row[2], State(row[3]), *row[4:10]) for row in rows]


def _stored_report(row: asyncpg.Record) -> StoredReport:
    campaign, ordered_ns, language, recipients, due, summary, made_ns, to_mail = row
    return StoredReport(campaign, ordered_ns, language, separated(recipients), due, summary, made_ns, to_mail)
