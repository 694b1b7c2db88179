"""Unfinished messages, read from SQLite in pages.

After an outage hundreds of thousands may wait. SQLite makes one JSON array of many rows and msgspec makes
their values. Reading each row into Python takes more CPU time.
"""

from __future__ import annotations

import sqlite3
import sys
from array import array
from collections.abc import Sequence

import msgspec

from reference_sender.dispatch.values import FINAL_STATES, Lane, Recovered
from reference_sender.store.protocol import Place

_FINAL = ", ".join(f"'{state.value}'" for state in sorted(FINAL_STATES, key=lambda state: state.value))


def _rows(text: str, state: str, sent_ns: str, tables: str) -> str:
    """A query of one row: the highest id, and an array of ``Recovered``, each with the fields in their order.

    ``tables`` ends with an order, since only the inner query has one.
    """
    return f"""
    SELECT max(id), '[' || group_concat(value) || ']' FROM (
        SELECT m.id AS id, json_array(
            json_array(
                m.id, m.key, m.recipient, {text}, m.class, m.sender_id, m.campaign, m.segments, m.created_ns,
                m.expires_ns, coalesce(h.not_before_ns, 0), coalesce(h.keeps_hours, 0)
            ),
            {state}, coalesce(p.attempts, 0), p.provider_id, {sent_ns}, p.route, p.tried_ns
        ) AS value {tables}
    )"""


# An attempt in flight when the process ended is unknown: the message is queued, and bound to its route.
# The other order of the tables would read every message of the store.
_TRIED = _rows(
    "m.body",
    "CASE p.state WHEN 'submitting' THEN 'queued' ELSE p.state END",
    "NULL",
    "FROM progress p CROSS JOIN message m ON m.id = p.id LEFT JOIN hold h ON h.id = m.id"
    f" WHERE p.id > ? AND p.state NOT IN ('sent', {_FINAL}) ORDER BY p.id LIMIT ?",
)
# No index is on the state, since each change would write to it: one pass finds the ids.
_SENT_IDS = """
SELECT json_group_array(id) FROM (SELECT id FROM progress WHERE state = 'sent' ORDER BY at_ns, id)
"""
_SENT = _rows(
    "''",
    "p.state",
    "p.at_ns",
    "FROM json_each(?) wanted CROSS JOIN progress p ON p.id = wanted.value"
    " CROSS JOIN message m ON m.id = p.id LEFT JOIN hold h ON h.id = m.id"
    " WHERE p.state = 'sent' ORDER BY wanted.key",
)
# A message without a row in ``progress`` was never tried and has not ended.
_UNTRIED = _rows(
    "m.body",
    "'queued'",
    "NULL",
    "FROM message m LEFT JOIN progress p ON p.id = m.id LEFT JOIN hold h ON h.id = m.id"
    " WHERE m.id > ? AND m.id <= ? AND m.class = ? AND p.id IS NULL ORDER BY m.id LIMIT ?",
)
_LANES = tuple(Lane)
_AT_ONCE = 1_000  # rows of one query: a JSON array of some 100 kB
_BEGIN = Place(_LANES[0], 0, 2**63 - 1)
# Not strict: SQLite has 0 and 1 for a bool.
_decoder = msgspec.json.Decoder(list[Recovered], strict=False)
_id_decoder = msgspec.json.Decoder(list[int])


def read_unfinished(reader: sqlite3.Connection, limit: int | None, place: Place | None) -> list[Recovered]:
    """As ``NodeStore.unfinished``. Raises ``ValueError`` for a class or state that does not exist."""
    found = [] if place is not None else _read(reader, _TRIED)
    tried = len(found)
    place = place or _BEGIN
    for lane in _LANES[_LANES.index(place.lane) :]:
        left = None if limit is None else limit + tried - len(found)
        after_id = place.after_id if lane is place.lane else 0
        found += _read(reader, _UNTRIED, after_id, (place.last_id, lane.value), left)
    return found


def _read(
    reader: sqlite3.Connection,
    query: str,
    after_id: int = 0,
    values: tuple[int | str, ...] = (),
    limit: int | None = None,
) -> list[Recovered]:
    """The rows of ``query`` after ``after_id``, at most ``limit``."""
    found: list[Recovered] = []
    while limit is None or len(found) < limit:
        rows = _AT_ONCE if limit is None else min(_AT_ONCE, limit - len(found))
        last_id, page = reader.execute(query, (after_id, *values, rows)).fetchone()
        if last_id is None:
            break
        found += _decoded(page)
        after_id = last_id
    return found


def read_sent_ids(reader: sqlite3.Connection) -> Sequence[int]:
    """As ``NodeStore.sent_ids``."""
    (ids,) = reader.execute(_SENT_IDS).fetchone()
    return array("q", _id_decoder.decode(ids))


def read_sent(reader: sqlite3.Connection, ids: Sequence[int]) -> list[Recovered]:
    """As ``NodeStore.sent``. Raises ``ValueError`` for a class that does not exist."""
    last_id, page = reader.execute(_SENT, (msgspec.json.encode(list(ids)).decode(),)).fetchone()
    return [] if last_id is None else _decoded(page)


def _decoded(page: str) -> list[Recovered]:
    try:
        return _decoder.decode(page)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


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
