"""Rows of PostgreSQL as the sender's values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from reference_sender.dispatch.values import Message, Report, State
from reference_sender.store.message_rows import IS_FIRST, RECORD_COLUMNS, record_of
from reference_sender.store.protocol import CampaignEnd, DeadLetterFilter, Record

_COLUMNS = (
    f"{RECORD_COLUMNS} FROM message m LEFT JOIN progress p ON p.id = m.id LEFT JOIN hold h ON h.id = m.id"
)
_PAGE = f"{_COLUMNS} WHERE m.id > $1 ORDER BY m.id LIMIT $2"
_THESE = f"{_COLUMNS} WHERE m.id = ANY($1) ORDER BY m.id"
_WITH_KEYS = f"{_COLUMNS} WHERE m.key = ANY($1)"
_ENDED = f"""
{_COLUMNS} WHERE p.state IN ('delivered', 'failed', 'expired') AND m.id IN (
    SELECT id FROM message WHERE key = ANY($1)
    UNION SELECT id FROM progress WHERE provider_id = ANY($2) AND state IN ('failed', 'expired')
) ORDER BY m.id
"""
# One statement, so that an answer which another node stores now is either an attempt or an id.
_TAKEN_IDS = """
SELECT ARRAY(SELECT p.provider_id FROM progress p WHERE p.provider_id = ANY($1)), EXISTS (
    SELECT FROM attempt a CROSS JOIN unnest(a.messages) AS u (id) JOIN message m ON m.id = u.id
    WHERE a.node <> $2 AND m.recipient = $3 AND m.body = $4
)
"""
_MATCHING = f"""
    p.state IN ('failed', 'expired') AND {IS_FIRST}
    AND ($1::text IS NULL OR m.campaign = $1) AND ($2::text IS NULL OR p.reason = $2)
    AND ($3::text IS NULL OR m.class = $3) AND ($4::text IS NULL OR p.route = $4)
    AND ($5::bigint IS NULL OR p.at_ns >= $5) AND ($6::bigint IS NULL OR p.at_ns < $6)
"""
_DEAD = f"{_COLUMNS} WHERE {_MATCHING} AND p.id > $7 ORDER BY p.id LIMIT $8"
_COUNT_DEAD = f"""
SELECT p.reason, count(*) FROM progress p JOIN message m ON m.id = p.id WHERE {_MATCHING} GROUP BY p.reason
"""
_COUNTS = (
    "SELECT coalesce(p.state, 'queued'), count(*)"
    " FROM message m LEFT JOIN progress p ON p.id = m.id{} GROUP BY 1"
)
_ALL = _COUNTS.format("")
# The second condition repeats that of the partial index, without which PostgreSQL would not use it.
_OF_CAMPAIGN = _COUNTS.format(f" WHERE m.campaign = $1 AND m.campaign <> '' AND {IS_FIRST}")

_CAMPAIGN_ENDS = f"""
SELECT p.state, p.route, p.provider_id IS NOT NULL, count(*) FILTER (WHERE {IS_FIRST}), sum(m.segments)
FROM message m JOIN progress p ON p.id = m.id
WHERE m.campaign = $1 AND m.campaign <> '' AND m.id <= $2
    AND p.state IN ('delivered', 'failed', 'expired') GROUP BY 1, 2, 3
"""


async def page(connection: asyncpg.Connection[Any], after_id: int, limit: int) -> list[Record]:
    """As ``Store.records``."""
    return [record_of(row) for row in await connection.fetch(_PAGE, after_id, limit)]


async def with_ids(connection: asyncpg.Connection[Any], ids: Sequence[int]) -> list[Record]:
    """The messages with these ids, in the order of their ids."""
    return [record_of(row) for row in await connection.fetch(_THESE, ids)]


async def with_keys(connection: asyncpg.Connection[Any], keys: Sequence[str]) -> list[Record]:
    """As ``MessageArchive.with_keys``."""
    return [record_of(row) for row in await connection.fetch(_WITH_KEYS, keys)]


async def ended(connection: asyncpg.Connection[Any], reports: Sequence[Report]) -> list[Record]:
    """As ``NodeStore.ended``, also of messages that were not tried."""
    keys = [report.key for report in reports if report.key is not None]
    ids = [report.provider_id for report in reports if report.key is None]
    return [record_of(row) for row in await connection.fetch(_ENDED, keys, ids)]


async def taken_ids(
    connection: asyncpg.Connection[Any], node: int, provider_ids: Sequence[str], message: Message
) -> frozenset[str] | None:
    """As ``NodeStore.taken_ids``."""
    row = await connection.fetchrow(
        _TAKEN_IDS, list(provider_ids), node, message.to, message.text.encode("utf-8")
    )
    assert row is not None
    return None if row[1] else frozenset(row[0])


async def dead_letters(
    connection: asyncpg.Connection[Any], wanted: DeadLetterFilter, after_id: int, limit: int
) -> list[Record]:
    """As ``MessageArchive.dead_letters``."""
    rows = await connection.fetch(_DEAD, *_values(wanted), after_id, limit)
    return [record_of(row) for row in rows]


async def count_dead_letters(connection: asyncpg.Connection[Any], wanted: DeadLetterFilter) -> dict[str, int]:
    """As ``MessageArchive.count_dead_letters``."""
    return dict(await connection.fetch(_COUNT_DEAD, *_values(wanted)))


def _values(wanted: DeadLetterFilter) -> tuple[Any, ...]:
    lane = None if wanted.lane is None else wanted.lane.value
    return wanted.campaign, wanted.reason, lane, wanted.route, wanted.since_ns, wanted.until_ns


async def counts(connection: asyncpg.Connection[Any], campaign: str | None) -> dict[State, int]:
    """As ``Store.counts``."""
    if campaign is None:
        rows = await connection.fetch(_ALL)
    else:
        rows = await connection.fetch(_OF_CAMPAIGN, campaign)
    return {State(state): count for state, count in rows}


async def campaign_ends(
    connection: asyncpg.Connection[Any], campaign: str, last_id: int
) -> list[CampaignEnd]:
    """As ``MessageArchive.campaign_ends``."""
    rows = await connection.fetch(_CAMPAIGN_ENDS, campaign, last_id)
    return [CampaignEnd(State(row[0]), *row[1:]) for row in rows]
