"""Messages that no provider can have, read from SQLite in pages.

After an outage hundreds of thousands may wait. So few columns are read, and each row becomes its values
directly.
"""

from __future__ import annotations

import sqlite3

from reference_sender.dispatch.values import Lane, Message, Recovered, State
from reference_sender.store.protocol import Place

# A message without a row in ``progress`` was never tried and has not ended.
_READ_UNTRIED = (
    "SELECT m.id, m.key, m.recipient, m.body, m.sender_id, m.campaign, m.segments, m.created_ns,"
    " m.expires_ns, h.not_before_ns, h.keeps_hours"
    " FROM message m LEFT JOIN progress p ON p.id = m.id LEFT JOIN hold h ON h.id = m.id"
    " WHERE m.id > ? AND m.id <= ? AND m.class = ? AND p.id IS NULL ORDER BY m.id LIMIT ?"
)
_LANES = tuple(Lane)
_ALL = -1  # SQLite's limit for every row
_BEGIN = Place(_LANES[0], 0, 2**63 - 1)


def read_untried(reader: sqlite3.Connection, limit: int | None, place: Place | None) -> list[Recovered]:
    """The untried ones of ``NodeStore.unfinished``."""
    found: list[Recovered] = []
    place = place or _BEGIN
    for lane in _LANES[_LANES.index(place.lane) :]:
        left = _ALL if limit is None else limit - len(found)
        if left == 0:
            break
        after_id = place.after_id if lane is place.lane else 0
        found += _of_lane(reader, lane, (after_id, place.last_id, lane.value, left))
    return found


def _of_lane(reader: sqlite3.Connection, lane: Lane, values: tuple[int, int, str, int]) -> list[Recovered]:
    queued = State.QUEUED
    return [
        Recovered(
            Message(
                number,
                key,
                to,
                text,
                lane,
                sender_id,
                campaign,
                segments,
                created_ns,
                expires_ns,
                not_before_ns or 0,
                bool(keeps_hours),
            ),
            queued,
            0,
            None,
            None,
        )
        for (
            number,
            key,
            to,
            text,
            sender_id,
            campaign,
            segments,
            created_ns,
            expires_ns,
            not_before_ns,
            keeps_hours,
        ) in reader.execute(_READ_UNTRIED, values)
    ]
