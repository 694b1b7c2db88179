"""Statements for the reports on campaigns, and their rows as values. Both stores have the same tables.

Parameters are PostgreSQL's ``$1``. In each statement they stand once and in order, so SQLite's are ``?``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference_sender.dispatch.values import FINAL_STATES, State
from reference_sender.store.campaign_reports import (
    CampaignRow,
    ReportControl,
    ReportMade,
    ReportOrder,
    StoredReport,
)

_FINAL = ", ".join(f"'{state.value}'" for state in sorted(FINAL_STATES, key=lambda state: state.value))
_ORDER = """
INSERT INTO campaign_report VALUES ($1, $2, $3, $4, true, NULL, NULL, false)
ON CONFLICT (campaign) DO UPDATE SET due = true,
    ordered_ns = CASE WHEN excluded.ordered_ns > campaign_report.ordered_ns
        THEN excluded.ordered_ns ELSE campaign_report.ordered_ns + 1 END,
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
WAITING = f"{_READ} WHERE due OR to_mail ORDER BY campaign"
OF_CAMPAIGN = f"{_READ} WHERE campaign = $1"
# ``m.campaign <> ''`` repeats the condition of the partial index, without which it would not be used.
_MESSAGES = (
    "FROM message m LEFT JOIN progress p ON p.id = m.id LEFT JOIN hold h ON h.id = m.id"
    " WHERE m.campaign = $1 AND m.campaign <> '' AND m.id > $2 ORDER BY m.id LIMIT $3"
)
ROWS = (
    "SELECT m.id, m.key, m.recipient, coalesce(p.state, 'queued'), coalesce(p.reason, ''), p.provider_id,"
    f" m.segments, m.created_ns, coalesce(h.not_before_ns, 0), coalesce(p.at_ns, m.created_ns) {_MESSAGES}"
)
PROGRESS = f"""
SELECT count(*), coalesce(max(id), 0), min(CASE WHEN final THEN NULL ELSE id END),
    coalesce(max(changed_ns), 0)
FROM (SELECT m.id AS id, coalesce(p.state, 'queued') IN ({_FINAL}) AS final,
    coalesce(p.at_ns, m.created_ns) AS changed_ns {_MESSAGES}) AS next
"""


def written(control: ReportControl) -> tuple[str, tuple[Any, ...]]:
    """The statement that stores one of ``Work.controls``, and its values."""
    if isinstance(control, ReportOrder):
        recipients = " ".join(control.recipients)
        return _ORDER, (control.campaign, control.at_ns, control.language, recipients)
    if isinstance(control, ReportMade):
        made = (control.summary, control.made_ns, control.to_mail, control.campaign, control.ordered_ns)
        return _MADE, made
    return _MAILED, (control.campaign, control.made_ns)


def stored_report(row: Sequence[Any]) -> StoredReport:
    """A row of ``WAITING`` or ``OF_CAMPAIGN``."""
    campaign, ordered_ns, language, recipients, due, summary, made_ns, to_mail = row
    addresses = tuple(recipients.split())
    return StoredReport(
        campaign=campaign,
        ordered_ns=ordered_ns,
        language=language,
        recipients=addresses,
        due=bool(due),
        summary=summary,
        made_ns=made_ns,
        to_mail=bool(to_mail),
    )


def campaign_row(row: Sequence[Any]) -> CampaignRow:
    """A row of ``ROWS``."""
    return CampaignRow(row[0], row[1], row[2], State(row[3]), *row[4:])
