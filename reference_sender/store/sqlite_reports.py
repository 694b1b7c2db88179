"""Reports on campaigns in SQLite."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

from reference_sender.store import report_statements as statements
from reference_sender.store.campaign_reports import (
    CampaignProgress,
    CampaignRow,
    ReportControl,
    StoredReport,
)

_PARAMETER = re.compile(r"\$\d+")


def write_report_control(writer: sqlite3.Connection, control: ReportControl) -> None:
    """Store one of ``Work.controls``."""
    execute(writer, *statements.written(control))


def read_reports_waiting(reader: sqlite3.Connection) -> list[StoredReport]:
    """As ``ReportStore.reports_waiting``."""
    return [statements.stored_report(row) for row in execute(reader, statements.WAITING)]


def read_report(reader: sqlite3.Connection, campaign: str) -> StoredReport | None:
    """As ``ReportStore.campaign_report``."""
    row = execute(reader, statements.OF_CAMPAIGN, (campaign,)).fetchone()
    return None if row is None else statements.stored_report(row)


def read_progress(reader: sqlite3.Connection, campaign: str, after_id: int, limit: int) -> CampaignProgress:
    """As ``ReportStore.campaign_progress``."""
    return CampaignProgress(*execute(reader, statements.PROGRESS, (campaign, after_id, limit)).fetchone())


def read_rows(reader: sqlite3.Connection, campaign: str, after_id: int, limit: int) -> list[CampaignRow]:
    """As ``ReportStore.campaign_rows``."""
    rows = execute(reader, statements.ROWS, (campaign, after_id, limit))
    return [statements.campaign_row(row) for row in rows]


def execute(connection: sqlite3.Connection, statement: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
    """Execute a statement with parameters as in ``report_statements.py``."""
    return connection.execute(_PARAMETER.sub("?", statement), values)
