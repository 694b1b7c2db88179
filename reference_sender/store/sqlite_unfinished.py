"""Unfinished messages, read from SQLite in pages.

After an outage hundreds of thousands may wait, and a start reads them all. So each row, in the order of
``_COLUMNS``, becomes its values directly.
"""

from __future__ import annotations

import sqlite3
import sys
from array import array

from reference_sender.dispatch.values import FINAL_STATES, Lane, Message, Recovered, State
from reference_sender.store.protocol import Place

_FINAL = ", ".join(f"'{state.value}'" for state in sorted(FINAL_STATES, key=lambda state: state.value))
_COLUMNS = (
    "SELECT m.id, m.key, m.recipient, m.body, m.class, m.sender_id, m.campaign, m.segments, m.created_ns,"
    " m.expires_ns, h.not_before_ns, h.keeps_hours, p.state, p.attempts, p.provider_id, p.at_ns, p.route,"
    " p.tried_ns"
)
# The other order of the tables would read every message of the store.
_TRIED = (
    f"{_COLUMNS} FROM progress p CROSS JOIN message m ON m.id = p.id LEFT JOIN hold h ON h.id = m.id"
    f" WHERE p.state NOT IN ({_FINAL}) ORDER BY p.id"
)
# A message without a row in ``progress`` was never tried and has not ended.
_UNTRIED = (
    f"{_COLUMNS} FROM message m LEFT JOIN progress p ON p.id = m.id LEFT JOIN hold h ON h.id = m.id"
    " WHERE m.id > ? AND m.id <= ? AND m.class = ? AND p.id IS NULL ORDER BY m.id LIMIT ?"
)
_LANES = tuple(Lane)
_LANE = {lane.value: lane for lane in _LANES}
# An attempt under way when the process ended is unknown: the message is queued, and bound to its route.
_STATE = {
    None: State.QUEUED,
    State.QUEUED.value: State.QUEUED,
    State.SUBMITTING.value: State.QUEUED,
    State.SENT.value: State.SENT,
}
_ALL = -1  # SQLite's limit for every row
_BEGIN = Place(_LANES[0], 0, 2**63 - 1)


def read_unfinished(reader: sqlite3.Connection, limit: int | None, place: Place | None) -> list[Recovered]:
    """As ``NodeStore.unfinished``. Raises ``LookupError`` for a class or state that does not exist."""
    found = _read(reader, _TRIED) if place is None else []
    tried = len(found)
    place = place or _BEGIN
    for lane in _LANES[_LANES.index(place.lane) :]:
        left = _ALL if limit is None else limit + tried - len(found)
        if left == 0:
            break
        after_id = place.after_id if lane is place.lane else 0
        found += _read(reader, _UNTRIED, (after_id, place.last_id, lane.value, left))
    return found


def _read(
    reader: sqlite3.Connection, query: str, values: tuple[int, int, str, int] | tuple[()] = ()
) -> list[Recovered]:
    return [
        Recovered(
            Message(
                *(row[0], row[1], row[2], row[3], _LANE[row[4]], row[5], row[6], row[7], row[8], row[9]),
                not_before_ns=row[10] or 0,
                keeps_hours=bool(row[11]),
            ),
            state := _STATE[row[12]],
            row[13] or 0,
            row[14],
            row[15] if state is State.SENT else None,
            *row[16:],
        )
        for row in reader.execute(query, values)
    ]


def bind_attempts(writer: sqlite3.Connection) -> None:
    """Bind to their route the queued messages of attempts that were in flight when a process died."""
    writer.execute("BEGIN IMMEDIATE")
    for route, at_ns, packed in writer.execute(
        "SELECT route, at_ns, messages FROM attempt ORDER BY id"
    ).fetchall():
        ids = array("q", packed)
        if sys.byteorder == "big":
            ids.byteswap()
        writer.executemany(
            # An attempt may name a message that was not stored because its key was in use: that id is free
            # again.
            "INSERT INTO progress SELECT id, 'queued', 'unanswered', NULL, 1, ?, ?, ? FROM message"
            " WHERE id = ?"
            " ON CONFLICT (id) DO UPDATE SET reason = 'unanswered', attempts = attempts + 1,"
            " at_ns = excluded.at_ns, route = excluded.route,"
            " tried_ns = coalesce(tried_ns, excluded.tried_ns)"
            " WHERE state = 'queued'",
            [(at_ns, route, at_ns, message_id) for message_id in ids],
        )
    writer.execute("DELETE FROM attempt")
    writer.execute("COMMIT")
