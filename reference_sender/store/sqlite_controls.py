"""The tables of ``Work.controls`` in SQLite: holds, campaigns, spending, opt-outs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from reference_sender.dispatch.values import Message, State
from reference_sender.policy.campaigns import Campaign, CampaignChange, CampaignState, KnownCampaign
from reference_sender.policy.opt_out import OptOut
from reference_sender.policy.quiet_hours import FOREVER
from reference_sender.policy.spending import Spent
from reference_sender.store.message_rows import IS_FIRST
from reference_sender.store.protocol import CampaignEnd, Control, Hold, OptIn
from reference_sender.store.sqlite_reports import write_report_control

_SPEND = (
    "INSERT INTO spending VALUES (?, ?, ?) ON CONFLICT (campaign, day) DO UPDATE SET amount = excluded.amount"
)

# As ``changed_campaign``.
_CAMPAIGN = """
INSERT INTO campaign VALUES (?, coalesce(?, 'running'), ?, ?) ON CONFLICT (name) DO UPDATE
SET state = CASE campaign.state WHEN 'cancelled' THEN 'cancelled' ELSE coalesce(?, campaign.state) END,
    spending_limit = coalesce(excluded.spending_limit, campaign.spending_limit),
    changed_ns = max(excluded.changed_ns, campaign.changed_ns)
"""

_KNOWN = """
INSERT INTO campaign SELECT ?, ?, ?, ?
WHERE NOT ? OR NOT EXISTS (SELECT 1 FROM message WHERE campaign = ? AND campaign <> '')
ON CONFLICT (name) DO NOTHING
"""

_OVER_LIMITS = """
SELECT m.campaign, count(*) FROM hold h JOIN message m ON m.id = h.id LEFT JOIN progress p ON p.id = h.id
WHERE h.not_before_ns >= ? AND m.expires_ns > ? AND coalesce(p.state, 'queued') = 'queued'
    AND NOT EXISTS (SELECT 1 FROM campaign c WHERE c.name = m.campaign AND c.state = 'cancelled')
GROUP BY 1
"""


def write_holds(writer: sqlite3.Connection, messages: Sequence[Message]) -> None:
    """Store when held messages may be sent, except those that were not stored because of their keys."""
    held = [
        (each.message_id, each.not_before_ns, each.keeps_hours, each.message_id, each.key)
        for each in messages
        if each.not_before_ns or each.keeps_hours
    ]
    if held:
        writer.executemany(
            "REPLACE INTO hold SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM message WHERE id = ? AND key = ?)",
            held,
        )


def write_known(writer: sqlite3.Connection, controls: Iterable[Control]) -> None:
    """Store the ``KnownCampaign`` of ``Work.controls``: before the messages of the same transaction."""
    for each in controls:
        if isinstance(each, KnownCampaign):
            known = each.campaign
            row = known.name, known.state.value, known.spending_limit, each.at_ns
            if writer.execute(_KNOWN, (*row, each.with_message, known.name)).rowcount == 1:
                spent = [(cost.campaign, cost.day, cost.amount) for cost in each.spent]
                writer.executemany(_SPEND, spent)


def write_control(writer: sqlite3.Connection, control: Control) -> None:
    """Store another one of ``Work.controls``."""
    if isinstance(control, Spent):
        writer.execute(_SPEND, (control.campaign, control.day, control.amount))
    elif isinstance(control, Hold):
        writer.execute(
            "UPDATE hold SET not_before_ns = ? WHERE id = ?", (control.not_before_ns, control.message_id)
        )
    elif isinstance(control, CampaignChange):
        state = None if control.state is None else control.state.value
        values = (control.name, state, control.spending_limit, control.at_ns, state)
        writer.execute(_CAMPAIGN, values)
    elif isinstance(control, OptOut):
        writer.execute("REPLACE INTO opt_out VALUES (?, ?)", (control.number, control.since_ns))
    elif isinstance(control, OptIn):
        writer.execute("DELETE FROM opt_out WHERE number = ?", (control.number,))
    elif not isinstance(control, KnownCampaign):
        write_report_control(writer, control)


def read_campaigns(reader: sqlite3.Connection, name: str | None) -> list[Campaign]:
    """As ``CampaignStore.campaigns``."""
    which, values = ("", ()) if name is None else (" WHERE name = ?", (name,))
    rows = reader.execute(f"SELECT name, state, spending_limit FROM campaign{which} ORDER BY name", values)
    return [Campaign(row[0], CampaignState(row[1]), row[2]) for row in rows]


def read_controlled(reader: sqlite3.Connection, names: Sequence[str]) -> frozenset[str]:
    """As ``CampaignStore.controlled``."""
    marks = ",".join("?" * len(names))
    rows = reader.execute(f"SELECT name FROM campaign WHERE name IN ({marks})", names)
    return frozenset(row[0] for row in rows)


def read_campaign_ends(reader: sqlite3.Connection, campaign: str, last_id: int) -> list[CampaignEnd]:
    """As ``MessageArchive.campaign_ends``."""
    # The second condition repeats that of the partial index, without which SQLite would not use it.
    rows = reader.execute(
        f"SELECT p.state, p.route, p.provider_id IS NOT NULL, count(*) FILTER (WHERE {IS_FIRST}),"
        " sum(m.segments)"
        " FROM message m CROSS JOIN progress p ON p.id = m.id"
        " WHERE m.campaign = ? AND m.campaign <> '' AND m.id <= ?"
        " AND p.state IN ('delivered', 'failed', 'expired') GROUP BY 1, 2, 3",
        (campaign, last_id),
    )
    return [CampaignEnd(State(row[0]), row[1], bool(row[2]), *row[3:]) for row in rows]


def read_spending(reader: sqlite3.Connection) -> list[Spent]:
    """As ``CampaignStore.spending``."""
    return [Spent(*row) for row in reader.execute("SELECT campaign, day, amount FROM spending")]


def read_spent(reader: sqlite3.Connection, campaign: str) -> int:
    """As ``CampaignStore.spent``."""
    row = reader.execute("SELECT coalesce(sum(amount), 0) FROM spending WHERE campaign = ?", (campaign,))
    return int(row.fetchone()[0])


def read_over_limits(reader: sqlite3.Connection, at_ns: int) -> dict[str, int]:
    """As ``CampaignStore.over_limits``."""
    return dict(reader.execute(_OVER_LIMITS, (FOREVER, at_ns)))


def read_opt_outs(reader: sqlite3.Connection, after: str, limit: int) -> list[OptOut]:
    """As ``CampaignStore.opt_outs``."""
    rows = reader.execute(
        "SELECT number, since_ns FROM opt_out WHERE number > ? ORDER BY number LIMIT ?", (after, limit)
    )
    return [OptOut(*row) for row in rows]
