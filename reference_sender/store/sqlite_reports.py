"""Reports on campaigns in SQLite."""

from __future__ import annotations

import sqlite3

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

_FINAL = ", ".join(f"'{state.value}'" for state in sorted(FINAL_STATES, key=lambda state: state.value))
_ORDER = """
INSERT INTO campaign_report VALUES (?, ?, ?, ?, 1, NULL, NULL, 0)
ON CONFLICT (campaign) DO UPDATE SET due = 1, ordered_ns = max(ordered_ns + 1, excluded.ordered_ns),
    language = CASE excluded.language WHEN '' THEN language ELSE excluded.language END,
    recipients = CASE excluded.recipients WHEN '' THEN recipients ELSE excluded.recipients END
"""
_MADE = """
UPDATE campaign_report SET due = 0, summary = ?, made_ns = ?, to_mail = ?
WHERE campaign = ? AND ordered_ns = ?
"""
_MAILED = "UPDATE campaign_report SET to_mail = 0 WHERE campaign = ? AND made_ns = ?"
_READ = (
    "SELECT campaign, ordered_ns, language, recipients, due, summary, made_ns, to_mail FROM campaign_report"
)
# ``m.campaign <> ''`` repeats the condition of the partial index, without which SQLite would not use it.
_OF_CAMPAIGN = (
    "FROM message m LEFT JOIN progress p ON p.id = m.id LEFT JOIN hold h ON h.id = m.id"
    " WHERE m.campaign = ? AND m.campaign <> '' AND m.id > ? ORDER BY m.id LIMIT ?"
)
_ROWS = (
    "SELECT m.id, m.key, m.recipient, coalesce(p.state, 'queued'), coalesce(p.reason, ''), p.provider_id,"
    f" m.segments, m.created_ns, coalesce(h.not_before_ns, 0), coalesce(p.at_ns, m.created_ns) {_OF_CAMPAIGN}"
)
_PROGRESS = f"""
SELECT count(*), coalesce(max(id), 0), min(CASE WHEN final THEN NULL ELSE id END),
    coalesce(max(changed_ns), 0)
FROM (SELECT m.id AS id, coalesce(p.state, 'queued') IN ({_FINAL}) AS final,
    coalesce(p.at_ns, m.created_ns) AS changed_ns {_OF_CAMPAIGN})
"""


def write_report_control(writer: sqlite3.Connection, control: ReportControl) -> None:
    """Store one of ``Work.controls``."""
    if isinstance(control, ReportOrder):
        row = (control.campaign, control.at_ns, control.language, joined(control.recipients))
        writer.execute(_ORDER, row)
    elif isinstance(control, ReportMade):
        made = (control.summary, control.made_ns, control.to_mail, control.campaign, control.ordered_ns)
        writer.execute(_MADE, made)
    else:
        writer.execute(_MAILED, (control.campaign, control.made_ns))


def read_reports_waiting(reader: sqlite3.Connection) -> list[StoredReport]:
    """As ``ReportStore.reports_waiting``."""
    rows = reader.execute(f"{_READ} WHERE due OR to_mail ORDER BY campaign")
    return [_stored_report(row) for row in rows]


def read_report(reader: sqlite3.Connection, campaign: str) -> StoredReport | None:
    """As ``ReportStore.campaign_report``."""
    row = reader.execute(f"{_READ} WHERE campaign = ?", (campaign,)).fetchone()
    return None if row is None else _stored_report(row)


def read_progress(reader: sqlite3.Connection, campaign: str, after_id: int, limit: int) -> CampaignProgress:
    """As ``ReportStore.campaign_progress``."""
    return CampaignProgress(*reader.execute(_PROGRESS, (campaign, after_id, limit)).fetchone())


def read_rows(reader: sqlite3.Connection, campaign: str, after_id: int, limit: int) -> list[CampaignRow]:
    """As ``ReportStore.campaign_rows``."""
    rows = reader.execute(_ROWS, (campaign, after_id, limit))
    return [CampaignRow(row[0], row[1], row[2], State(row[3]), *row[4:]) for row in rows]


def _stored_report(row: tuple[str, int, str, str, int, bytes | None, int | None, int]) -> StoredReport:
    campaign, ordered_ns, language, recipients, due, summary, made_ns, to_mail = row
    return StoredReport(
        campaign, ordered_ns, language, separated(recipients), bool(due), summary, made_ns, bool(to_mail)
    )
