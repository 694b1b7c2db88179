"""Messages by the ids that their providers gave them, read from SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from reference_sender.dispatch.values import EndedMessage, Report
from reference_sender.store.message_rows import RECORD_COLUMNS, record_of
from reference_sender.store.recovered import ended

_JOIN_HOLD = "LEFT JOIN hold h ON h.id = m.id"
READ_KEY = f"{RECORD_COLUMNS} FROM message m LEFT JOIN progress p ON p.id = m.id {_JOIN_HOLD} WHERE m.key = ?"
_READ_ENDED = (
    f"{RECORD_COLUMNS} FROM progress p INDEXED BY progress_ended_as CROSS JOIN message m ON m.id = p.id"
    f" {_JOIN_HOLD} WHERE p.state IN ('failed', 'expired') AND p.provider_id = ? ORDER BY p.id DESC LIMIT 1"
)
# Each change of a message writes to this index, so only a store whose messages are looked up has it.
_INDEX = """
CREATE INDEX IF NOT EXISTS progress_provider_id ON progress (provider_id) WHERE provider_id IS NOT NULL
"""
_IS_TAKEN = "SELECT EXISTS (SELECT 1 FROM progress WHERE provider_id = ?)"


def read_ended(connection: sqlite3.Connection, reports: Sequence[Report]) -> list[EndedMessage]:
    """As ``NodeStore.ended``."""
    found: list[EndedMessage] = []
    for report in reports:
        if report.key is not None:
            row = connection.execute(READ_KEY, (report.key,)).fetchone()
        else:
            row = connection.execute(_READ_ENDED, (report.provider_id,)).fetchone()
        if row is not None and (each := ended(record_of(row))) is not None:
            found.append(each)
    return found


def index_ids(writer: sqlite3.Connection) -> None:
    """Make ``read_taken_ids`` fast. Of a store of 1,000,000 messages it takes about a second, once."""
    writer.execute(_INDEX)


def read_taken_ids(reader: sqlite3.Connection, provider_ids: Sequence[str]) -> frozenset[str]:
    """As ``NodeStore.taken_ids``: one process uses the store, so no other node has a request in flight."""
    return frozenset(each for each in provider_ids if reader.execute(_IS_TAKEN, (each,)).fetchone()[0])
