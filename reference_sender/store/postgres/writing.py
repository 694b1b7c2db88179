"""The one statement that keeps the work of a commit.

One statement is one round trip, and the server ends its transaction also if the node stops in the middle. Its
first part is the fence: it finds the lease of the node in force and locks its row. So no takeover happens
during the transaction, and after a takeover a commit finds no lease and writes nothing. Only controls that
a purge has removed are written before it (``write_known``); without a lease they are rolled back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import asyncpg

from reference_sender.dispatch.values import FINAL_STATES, Change, Lane, Message, Report, State, SubmitAttempt
from reference_sender.store.message_rows import pair_of
from reference_sender.store.postgres.controls import is_held, write_controls, write_holds, write_known
from reference_sender.store.postgres.idle_reports import IdleReports, is_idle, is_of_provider
from reference_sender.store.postgres.leases import give_back
from reference_sender.store.protocol import Existing, StoreError, Work
from reference_sender.store.unstored_costs import kept_controls

_LANE = {lane: lane.value for lane in Lane}
_LANE_NUMBER = {lane: number for number, lane in enumerate(Lane)}
_STATE = {state: state.value for state in State}

_MESSAGE = (
    "bigint[]",
    *("text[]", "text[]", "bytea[]", "text[]", "text[]", "text[]", "integer[]", "bigint[]", "bigint[]"),
    "bigint[]",
)
_CLAIM = ("bigint[]", "integer[]", "smallint[]", "bigint[]", "bigint[]")
_PROGRESS = ("bigint[]", "text[]", "text[]", "text[]", "integer[]", "bigint[]", "text[]", "bigint[]")
_ATTEMPT = ("bigint[]", "text[]", "bigint[]", "text[]")
_REPORT = ("text[]", "text[]", "text[]", "text[]")
_IDS = ("bigint[]",)
_FINAL = ", ".join(f"'{state.value}'" for state in FINAL_STATES)


def _statement(unique: str) -> str:
    """A message that ended before may be purged: then a change of it, by a late report, is not kept. One with
    a value in ``unique`` that is in use is not stored.
    """
    used = 1

    def rows(types: Sequence[str]) -> str:
        nonlocal used
        parameters = [f"${used + number}::{kind}" for number, kind in enumerate(types, start=1)]
        used += len(types)
        return f"unnest({', '.join(parameters)})"

    return f"""
WITH fence AS MATERIALIZED (
    SELECT id FROM node WHERE id = $1 AND NOT dead AND alive_until > clock_timestamp() FOR KEY SHARE
), kept AS (
    INSERT INTO message SELECT u.* FROM fence, {rows(_MESSAGE)} AS u
        ON CONFLICT {unique} DO NOTHING RETURNING id
), claimed AS (
    INSERT INTO claim (id, owner, lane, expires_ns, turn)
    SELECT u.* FROM kept JOIN {rows(_CLAIM)} AS u (id, owner, lane, expires_ns, turn) USING (id)
), closed AS (
    DELETE FROM claim USING fence, {rows(_IDS)} AS u (id) WHERE claim.id = u.id
    RETURNING claim.id
), changed AS (
    INSERT INTO progress SELECT u.* FROM fence, {rows(_PROGRESS)} AS u
        (id, state, reason, provider_id, attempts, at_ns, route, tried_ns)
    WHERE u.state NOT IN ({_FINAL}) OR u.id IN (SELECT id FROM closed) OR u.id IN (SELECT id FROM kept)
        OR EXISTS (SELECT FROM message m WHERE m.id = u.id)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, reason = excluded.reason,
        provider_id = excluded.provider_id, attempts = excluded.attempts, at_ns = excluded.at_ns,
        route = excluded.route, tried_ns = excluded.tried_ns
), begun AS (
    INSERT INTO attempt SELECT $1, u.id, u.route, u.at_ns, u.messages::bigint[]
    FROM fence, {rows(_ATTEMPT)} AS u (id, route, at_ns, messages)
), ended AS (
    DELETE FROM attempt USING fence, {rows(_IDS)} AS u (id) WHERE attempt.node = $1 AND attempt.id = u.id
), came AS (
    SELECT m.id AS message_id, u.*, c.id IS NULL AND u.key IS NOT NULL AND {is_idle("u", "p")} AS idle
    FROM fence, {rows(_REPORT)} AS u (key, provider_id, state, reason)
    LEFT JOIN message m ON m.key = u.key LEFT JOIN claim c ON c.id = m.id LEFT JOIN progress p ON p.id = m.id
), handed_over AS (
    INSERT INTO report (message_id, key, provider_id, state, reason)
    SELECT message_id, key, provider_id, state, reason FROM came WHERE NOT idle
), read AS (
    DELETE FROM report USING fence, {rows(_IDS)} AS u (id) WHERE report.id = u.id
)
SELECT (SELECT count(*) FROM fence), (SELECT array_agg(id) FROM kept),
    (SELECT count(message_id) FROM came WHERE idle AND {is_of_provider("came")}),
    (SELECT count(*) FROM came WHERE idle AND message_id IS NULL AND {is_of_provider("came")})
"""


_COMMIT = _statement("(key)")
# PostgreSQL takes one index or all, also that of the ids. So ``_taken`` looks at these.
_COMMIT_ONCE = _statement("")
_ID_IN_USE = "SELECT id FROM message WHERE id = ANY($1) LIMIT 1"
# In a statement of its own before ``_EXISTING``: a row that another node removes meanwhile is not found
# there, and one that is confirmed is not removed.
_CONFIRM = """
UPDATE claim SET confirmed = true FROM message
WHERE (message.key = ANY($1) OR message.pair = ANY($2)) AND claim.id = message.id AND NOT confirmed
"""
_EXISTING = (
    "SELECT m.key, m.pair, m.id, m.recipient, m.body, m.class, coalesce(p.state, 'queued') FROM message m"
    " LEFT JOIN progress p ON p.id = m.id WHERE m.key = ANY($1) OR m.pair = ANY($2)"
)
# A message that had no owner may be with another node by now: it is sent, and a repeat finds it by its key.
# One that another node has confirmed to a client stays.
_REFUSE = """
WITH freed AS (DELETE FROM claim WHERE id = ANY($2) AND owner IN ($1, 0) AND NOT confirmed RETURNING id),
    released AS (DELETE FROM hold USING freed WHERE hold.id = freed.id)
DELETE FROM message USING freed WHERE message.id = freed.id
"""
# The dispatcher of this node does not know them, so any node may claim them.
_LEAVE = "UPDATE claim SET owner = 0 WHERE id = ANY($2) AND owner = $1 AND confirmed"
LEASE_ENDED = (
    "the lease of this node has ended, so another may own its work; it is renewed, or the sender ends"
)


async def commit(
    connection: asyncpg.Connection[Any], node: int, work: Work, idle: IdleReports
) -> Mapping[int, Existing]:
    """As ``Store.commit``. Raises ``StoreError`` and writes nothing if the lease has ended. ``idle`` counts
    the reports that are not handed over, since they change nothing; none if the commit fails, which is then
    repeated.
    """
    found = IdleReports()
    taken = await _commit_all(connection, node, work, found)
    idle.add_all(found)
    return taken


async def _commit_all(
    connection: asyncpg.Connection[Any], node: int, work: Work, idle: IdleReports
) -> Mapping[int, Existing]:
    controlled = work.refused or work.controls or work.given_back
    if not (controlled or any(is_held(each) or each.once for each in work.messages)):
        return await _commit(connection, node, work, idle)
    async with connection.transaction():
        await write_known(connection, node, work.controls)
        if work.refused:
            await connection.execute(_REFUSE, node, work.refused)
            await connection.execute(_LEAVE, node, work.refused)
        taken = await _commit(connection, node, work, idle)
        if work.given_back:
            await give_back(connection, node, work.given_back)
        await write_holds(connection, work.messages)
        await write_controls(connection, node, kept_controls(work, taken))
        return taken


async def _commit(
    connection: asyncpg.Connection[Any], node: int, work: Work, idle: IdleReports
) -> Mapping[int, Existing]:
    latest = {change.message_id: change for change in work.changes}
    final = {message_id for message_id, change in latest.items() if change.state in FINAL_STATES}
    # Of messages that are inserted by the same statement, which does not see them otherwise.
    messages = _first_of_each_key(work.messages)
    claims = [message for message in messages if message.message_id not in final]
    ended = set(work.ended)
    row = await connection.fetchrow(
        _COMMIT_ONCE if any(message.once for message in messages) else _COMMIT,
        node,
        *_message_columns(messages),
        *_claim_columns(claims, node, work.unclaimed),
        list(final),
        *_progress_columns(latest.values()),
        *_attempt_columns([attempt for attempt in work.attempts if attempt.attempt_id not in ended]),
        work.ended,
        *_report_columns(work.handed_over),
        work.read,
    )
    assert row is not None
    fence, kept, repeated, orphans = row
    if not fence:
        raise StoreError(LEASE_ENDED)
    if work.handed_over:
        idle.add(repeated, orphans)
    if len(kept or ()) == len(work.messages):
        return {}
    return await _taken(connection, node, work, frozenset(kept or ()), idle)


async def _taken(
    connection: asyncpg.Connection[Any], node: int, work: Work, kept: frozenset[int], idle: IdleReports
) -> dict[int, Existing]:
    """The messages that prevented others from being stored. Those that nothing prevents are stored now."""
    others = [message for message in work.messages if message.message_id not in kept]
    keys = [message.key for message in others]
    pairs = [pair for message in others if (pair := pair_of(message)) is not None]
    await connection.execute(_CONFIRM, keys, pairs)
    rows = await connection.fetch(_EXISTING, keys, pairs)
    existing = {row[0]: _existing(row) for row in rows}
    same = {row[1]: _existing(row, is_duplicate=True) for row in rows if row[1] is not None}
    found = {
        message.message_id: existing.get(message.key) or same.get(pair_of(message)) for message in others
    }
    taken = {message_id: each for message_id, each in found.items() if each is not None}
    if free := [message for message in others if message.message_id not in taken]:
        if (number := await connection.fetchval(_ID_IN_USE, [each.message_id for each in free])) is not None:
            raise StoreError(f"another message has the id {number}")
        again = Work(free, work.changes, unclaimed=work.unclaimed)
        taken.update(await _commit(connection, node, again, idle))
    return taken


def _existing(row: asyncpg.Record, is_duplicate: bool = False) -> Existing:
    """A row of ``_EXISTING``."""
    return Existing(row[2], row[3], row[4].decode(), Lane(row[5]), State(row[6]), is_duplicate)


def _first_of_each_key(messages: Sequence[Message]) -> list[Message]:
    """In the order of what an insert may wait for: pairs, then keys. All nodes insert in this order, which
    prevents deadlocks.
    """
    first: dict[str, Message] = {}
    for message in messages:
        first.setdefault(message.key, message)
    return sorted(first.values(), key=lambda each: (pair_of(each) or 0, each.key))


def _message_columns(messages: Sequence[Message]) -> tuple[list[Any], ...]:
    return (
        [m.message_id for m in messages],
        [m.key for m in messages],
        [m.to for m in messages],
        [m.text.encode() for m in messages],
        [_LANE[m.lane] for m in messages],
        [m.sender_id for m in messages],
        [m.campaign for m in messages],
        [m.segments for m in messages],
        [m.created_ns for m in messages],
        [m.expires_ns for m in messages],
        [pair_of(m) for m in messages],
    )


def _claim_columns(
    messages: Sequence[Message], node: int, unclaimed: Mapping[int, int]
) -> tuple[list[int], ...]:
    return (
        [m.message_id for m in messages],
        [0 if m.message_id in unclaimed else node for m in messages],
        [_LANE_NUMBER[m.lane] for m in messages],
        [m.expires_ns for m in messages],
        [unclaimed.get(m.message_id, 0) for m in messages],
    )


def _progress_columns(changes: Collection[Change]) -> tuple[list[Any], ...]:
    return (
        [c.message_id for c in changes],
        [_STATE[c.state] for c in changes],
        [_storable(c.reason) for c in changes],
        [None if c.provider_id is None else _storable(c.provider_id) for c in changes],
        [c.attempts for c in changes],
        [c.at_ns for c in changes],
        [c.route for c in changes],
        [c.tried_ns for c in changes],
    )


def _attempt_columns(attempts: Sequence[SubmitAttempt]) -> tuple[list[Any], ...]:
    # Rows of different lengths: an array of arrays cannot hold them.
    return (
        [a.attempt_id for a in attempts],
        [a.route for a in attempts],
        [a.at_ns for a in attempts],
        ["{" + ",".join(map(str, a.message_ids)) + "}" for a in attempts],
    )


def _report_columns(reports: Sequence[Report]) -> tuple[list[Any], ...]:
    return (
        [r.key if r.key is None else _storable(r.key) for r in reports],
        [_storable(r.provider_id) for r in reports],
        [_STATE[r.state] for r in reports],
        [_storable(r.reason) for r in reports],
    )


def _storable(text: str) -> str:
    """A provider's text without what PostgreSQL cannot store: a change that fails would be tried again
    without end.
    """
    if text.isprintable():
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode()
