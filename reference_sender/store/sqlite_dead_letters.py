"""The dead letters of SQLite."""

from __future__ import annotations

import sqlite3
from typing import Any

from reference_sender.store.message_rows import IS_FIRST, RECORD_COLUMNS, record_of
from reference_sender.store.protocol import DeadLetterFilter, Record

_DEAD = (
    "FROM progress p INDEXED BY progress_dead CROSS JOIN message m ON m.id = p.id"
    f" LEFT JOIN hold h ON h.id = m.id WHERE p.state IN ('failed', 'expired') AND {IS_FIRST}"
)


def read_dead_letters(
    reader: sqlite3.Connection, wanted: DeadLetterFilter, after_id: int, limit: int
) -> list[Record]:
    """As ``MessageArchive.dead_letters``."""
    where, values = _matching(wanted)
    query = f"{RECORD_COLUMNS} {_DEAD} AND p.id > ?{where} ORDER BY p.id LIMIT ?"
    return [record_of(row) for row in reader.execute(query, [after_id, *values, limit])]


def count_dead_letters(reader: sqlite3.Connection, wanted: DeadLetterFilter) -> dict[str, int]:
    """As ``MessageArchive.count_dead_letters``."""
    where, values = _matching(wanted)
    return dict(reader.execute(f"SELECT p.reason, count(*) {_DEAD}{where} GROUP BY p.reason", values))


def _matching(wanted: DeadLetterFilter) -> tuple[str, list[Any]]:
    """The conditions of ``wanted`` and their values."""
    given = {
        "m.campaign = ?": wanted.campaign,
        "p.reason = ?": wanted.reason,
        "m.class = ?": None if wanted.lane is None else wanted.lane.value,
        "p.route = ?": wanted.route,
        "p.at_ns >= ?": wanted.since_ns,
        "p.at_ns < ?": wanted.until_ns,
    }
    used = {condition: value for condition, value in given.items() if value is not None}
    return "".join(f" AND {condition}" for condition in used), list(used.values())
