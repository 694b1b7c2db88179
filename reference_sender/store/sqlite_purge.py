"""Removal of old rows from SQLite, in steps that each take a few milliseconds."""

from __future__ import annotations

import sqlite3

from reference_sender.dispatch.values import FINAL_STATES
from reference_sender.store.protocol import Purged
from reference_sender.store.rule_purge import OldRules, RulePlace, RulePurge
from reference_sender.store.sqlite_reports import execute

_FINAL = frozenset(state.value for state in FINAL_STATES)
# Ids rise with the time of creation, but not by a wall clock that was set: so every message is looked at.
_OLDEST = (
    "SELECT m.id, m.created_ns, p.state, p.at_ns FROM message m LEFT JOIN progress p ON p.id = m.id"
    " WHERE m.id > ? AND m.id < (SELECT max(id) FROM message) ORDER BY m.id LIMIT ?"
)


_RULES = RulePurge("", "changed_ns < $3")


def purge_rules_step(
    writer: sqlite3.Connection, old: OldRules, place: RulePlace, limit: int
) -> RulePlace | None:
    """As ``CampaignStore.purge_rules``, within a transaction."""
    rows = execute(writer, *place.page(limit)).fetchall()
    if not rows:
        return place.next(0, limit, place)
    last = RulePlace(place.table, *rows[-1])
    execute(writer, *_RULES.removal(old, place, last))
    return place.next(len(rows), limit, last)


def purge_step(
    writer: sqlite3.Connection, before_ns: int, after_id: int, limit: int, purged_to: int
) -> tuple[Purged, int]:
    """As ``MessageArchive.purge``, within a transaction; with the highest id of all messages purged so far,
    which was ``purged_to``.
    """
    rows = writer.execute(_OLDEST, (after_id, limit)).fetchall()
    gone = [(row[0],) for row in rows if row[1] < before_ns and row[2] in _FINAL and row[3] < before_ns]
    for table in ("message", "progress", "hold"):
        writer.executemany(f"DELETE FROM {table} WHERE id = ?", gone)
    last_id = None if len(rows) < limit else rows[-1][0]
    is_young = bool(rows) and all(row[1] >= before_ns for row in rows)
    return Purged(len(gone), last_id, is_young), max([purged_to, *(each for (each,) in gone)])
