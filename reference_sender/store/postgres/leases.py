"""Nodes of one PostgreSQL: who is alive, who owns which message, and what a dead node leaves.

All times are the server's, so the clocks of the nodes do not matter for leases.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import asyncpg

from reference_sender.dispatch.values import Lane, Report, State, key_of_second
from reference_sender.store.message_rows import IS_FIRST
from reference_sender.store.postgres.idle_reports import IdleReports, is_idle, is_of_provider
from reference_sender.store.postgres.reading import with_ids
from reference_sender.store.postgres.rule_changes import forget_old, keep_spent
from reference_sender.store.protocol import HandedOver, LeaseLost, Membership, Record, Renewal
from reference_sender.store.sharing import granted

log = logging.getLogger(__name__)

_LOCK = 0x736D7363  # renewals follow one another, see sharing.py
_FREED_PER_RENEWAL = 20_000  # claims of dead nodes; so many that a renewal stays short
_COUNTED = 1_000_000  # unclaimed messages; there may be more
_REPEATED_KEPT = "1 minute"
_REPORT_KEPT = "1 hour"  # for a message that is not known, or that has ended

_JOIN = """
INSERT INTO node (routes, lease_s, alive_until, steady_since, limits)
VALUES ($1, $2, clock_timestamp() + $2::float8 * interval '1 second', clock_timestamp(), $3) RETURNING id
"""
# If the server's clock was set back, the instants that are ahead of it begin again: a lease lasts no longer.
_NONE_AHEAD = """
UPDATE node SET steady_since = least(steady_since, clock_timestamp()),
    alive_until = least(alive_until, clock_timestamp() + lease_s * interval '1 second')
WHERE NOT dead AND (
    steady_since > clock_timestamp() OR alive_until > clock_timestamp() + lease_s * interval '1 second'
) RETURNING id
"""
_RENEW = """
UPDATE node SET alive_until = clock_timestamp() + $2::float8 * interval '1 second',
    steady_since = CASE WHEN alive_until < clock_timestamp() THEN clock_timestamp() ELSE steady_since END
WHERE id = $1 AND NOT dead
RETURNING steady_since < clock_timestamp() - $2::float8 * interval '1 second'
"""
# FOR UPDATE: no commit of the node is in progress (else it is left for a later renewal), and later commits
# find it dead.
_EXPIRED = "SELECT id FROM node WHERE NOT dead AND alive_until < clock_timestamp() FOR UPDATE SKIP LOCKED"
_DECLARE_DEAD = "UPDATE node SET dead = true, share = 0 WHERE id = ANY($1)"
# Messages of attempts without an answer may be with the provider: from now on only that route may send them.
_BIND = """
INSERT INTO progress (id, state, reason, provider_id, attempts, at_ns, route, tried_ns)
SELECT tried.id, 'queued', 'unanswered', NULL, tried.attempts, tried.last_ns, tried.route, tried.first_ns
FROM (
    SELECT u.id, count(*) AS attempts, max(a.at_ns) AS last_ns, min(a.at_ns) AS first_ns,
        (array_agg(a.route ORDER BY a.id DESC))[1] AS route
    FROM attempt a CROSS JOIN unnest(a.messages) AS u (id) WHERE a.node = ANY($1) GROUP BY u.id
) tried JOIN claim c ON c.id = tried.id AND c.owner = ANY($1)
ON CONFLICT (id) DO UPDATE SET reason = 'unanswered', attempts = progress.attempts + excluded.attempts,
    at_ns = excluded.at_ns, route = excluded.route, tried_ns = coalesce(progress.tried_ns, excluded.tried_ns)
WHERE progress.state = 'queued'
"""
_FORGET_ATTEMPTS = "DELETE FROM attempt WHERE node = ANY($1)"
# Rows are locked before they are changed: a row that another node has freed, and a third one claimed, is left
# alone.
_FREE = """
WITH left_behind AS (
    SELECT id FROM claim WHERE owner IN (SELECT id FROM node WHERE dead) LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE claim SET owner = 0 FROM left_behind WHERE claim.id = left_behind.id
"""
_GIVE_BACK = "UPDATE claim SET owner = 0 WHERE owner = $1 AND id = ANY($2)"
_FORGET_DEAD = "DELETE FROM node n WHERE n.dead AND NOT EXISTS (SELECT FROM claim c WHERE c.owner = n.id)"

# A message bound to a route that this node does not have is left to a node that has it, if one is alive. The
# second message of an OTP, if it was never tried, is left to the node that has the first one, while that is
# open: only this node knows whether it is still needed. A query of one row for each OTP, and not an EXISTS,
# which could be planned as one pass over all messages.
_FREE_FOR = f"""
    SELECT c.id FROM claim c LEFT JOIN progress p ON p.id = c.id AND p.state = 'queued'
    WHERE c.owner = 0 AND (
        p.route IS NULL OR p.route = ANY($2)
        OR NOT EXISTS (SELECT FROM node n WHERE NOT n.dead AND p.route = ANY(n.routes))
    ) AND (
        c.lane <> 0 OR $1 = coalesce((
            SELECT first.owner FROM message m JOIN message f ON f.key = left(m.key, {-len(key_of_second(""))})
            JOIN claim first ON first.id = f.id
            WHERE m.id = c.id AND NOT {IS_FIRST} AND NOT EXISTS (SELECT FROM progress t WHERE t.id = m.id)
        ), $1)
    )
"""
# Not clock_timestamp(), which is no condition of an index.
_NOW_NS = "(extract(epoch FROM statement_timestamp()) * 1e9)::bigint"
_CLAIM = f"""
WITH free AS (
    {_FREE_FOR} AND c.lane <= $5 ORDER BY c.lane, c.turn, c.id LIMIT $3 FOR UPDATE OF c SKIP LOCKED
), expired AS (
    {_FREE_FOR} AND c.expires_ns <= {_NOW_NS} ORDER BY c.expires_ns LIMIT $4 FOR UPDATE OF c SKIP LOCKED
), reported AS (
    SELECT c.id FROM claim c WHERE c.owner = 0 AND c.id IN (SELECT r.message_id FROM report r)
    LIMIT $4 FOR UPDATE OF c SKIP LOCKED
), found AS (
    SELECT id FROM free UNION SELECT id FROM expired UNION SELECT id FROM reported
)
UPDATE claim SET owner = $1 WHERE id IN (SELECT id FROM found)
RETURNING id, CASE WHEN id IN (SELECT id FROM free) THEN lane END, turn
"""
# The lowest may be of messages that are left to one node: what this node has claimed counts too.
_LOWEST_TURNS = """
SELECT number, (SELECT min(turn) FROM claim WHERE owner = 0 AND lane = number)
FROM generate_series(0, 2) AS number
"""
_ENDING_AT_ONCE = 500

# A report without a key is matched by the provider's id, once the answer of its submit is stored.
_MATCH = """
UPDATE report SET message_id = p.id FROM progress p
WHERE report.message_id IS NULL AND p.provider_id = report.provider_id
"""
# One that changes nothing is left for a while: a node that has read it before removes it itself.
_DROP_REPEATED = f"""
DELETE FROM report r USING progress p WHERE p.id = r.message_id
    AND r.came_at < clock_timestamp() - interval '{_REPEATED_KEPT}' AND {is_idle("r", "p")}
    AND NOT EXISTS (SELECT FROM claim c WHERE c.id = r.message_id) RETURNING {is_of_provider("r")}
"""
DROP_REPORTS = f"""
DELETE FROM report r WHERE came_at < clock_timestamp() - interval '{_REPORT_KEPT}'
    AND NOT EXISTS (SELECT FROM claim c WHERE c.id = r.message_id) RETURNING {is_of_provider("r")}
"""
# A report that was handed over for a message that ended before its owner read it goes to the oldest node.
_REPORTS = f"""
SELECT r.id, r.provider_id, r.key, r.state, r.reason
FROM report r LEFT JOIN claim c ON c.id = r.message_id LEFT JOIN progress p ON p.id = r.message_id
WHERE c.owner = $1 OR (
    c.id IS NULL AND NOT {is_idle("r", "p")}
    AND $1 = (SELECT min(n.id) FROM node n WHERE NOT n.dead)
) ORDER BY r.id LIMIT $2
"""


async def join(connection: asyncpg.Connection[Any], membership: Membership) -> int:
    """A new node; returns its id."""
    routes, limits = list(membership.routes), list(membership.limits)
    node: int = await connection.fetchval(_JOIN, routes, membership.lease_s, limits)
    return node


async def renew(
    connection: asyncpg.Connection[Any],
    node: int,
    share: int,
    membership: Membership,
    claimed: dict[int, int],
    idle: IdleReports,
) -> Renewal:
    """As ``Leases.renew``, without the counts of reports, which ``idle`` gets. ``claimed`` is that of
    ``claim``.

    A node takes work over only after it has itself renewed without a gap for the time of a lease: after an
    outage of the server, in which no lease could be renewed, the nodes then find each other alive.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        if await connection.fetch(_NONE_AHEAD):
            log.warning("the clock of PostgreSQL was set back: leases begin again")
        steady = await connection.fetchval(_RENEW, node, membership.lease_s)
        if steady is None:
            raise LeaseLost(
                "another node took the work of this one over, since its lease was not renewed in time"
            )
        if steady:
            await _take_over(connection)
        rows = await connection.fetch("SELECT id, share, routes, limits FROM node WHERE NOT dead")
        shares = {row[0]: row[1] for row in rows}
        may_use = granted(node, shares, share, membership.most_nodes)
        if max(share, may_use) != shares[node]:
            await connection.execute("UPDATE node SET share = $2 WHERE id = $1", node, max(share, may_use))
    await _free_claims(connection)
    await connection.execute(_MATCH)
    # Each is counted at once: the next statement may fail, and what is removed is not found again.
    idle.add(repeated=await _dropped(connection, _DROP_REPEATED))
    idle.add(orphans=await _dropped(connection, DROP_REPORTS))
    await forget_old(connection)
    unclaimed = await connection.fetchval(
        "SELECT count(*) FROM (SELECT FROM claim WHERE owner = 0 LIMIT $1) AS free", _COUNTED
    )
    others = [(row[2], row[3]) for row in rows if row[0] != node]
    return Renewal(
        len(shares),
        may_use,
        unclaimed,
        turns=await _turns(connection, claimed),
        leads=node == min(shares),
        standby=None if node in sorted(shares)[: membership.most_nodes] else membership.most_nodes,
        differing=_differing(membership, others),
    )


async def _dropped(connection: asyncpg.Connection[Any], statement: str) -> int:
    """How many reports of providers it removed."""
    return sum(row[0] for row in await connection.fetch(statement))


async def _turns(connection: asyncpg.Connection[Any], claimed: dict[int, int]) -> dict[Lane, int]:
    """As ``Renewal.turns``. ``claimed`` keeps only the lanes in which messages wait."""
    lowest = {lane: turn for lane, turn in await connection.fetch(_LOWEST_TURNS) if turn is not None}
    for lane in claimed.keys() - lowest.keys():
        del claimed[lane]
    return {
        lane: max(lowest[number], claimed.get(number, 0))
        for number, lane in enumerate(Lane)
        if number in lowest
    }


def _differing(
    membership: Membership, others: Sequence[tuple[Sequence[str], Sequence[str]]]
) -> tuple[str, ...]:
    """Routes for which ``others``, by routes and limits of a node, have other limits than ``membership``."""
    ours = dict(zip(membership.routes, membership.limits, strict=False))  # without limits: not compared
    theirs = {pair for routes, limits in others for pair in zip(routes, limits, strict=False)}
    return tuple(sorted({name for name, limits in theirs if ours.get(name, limits) != limits}))


async def leave(connection: asyncpg.Connection[Any], node: int) -> None:
    """Give up everything at once, as if the lease had ended."""
    async with connection.transaction():
        if await connection.fetchval("SELECT id FROM node WHERE id = $1 AND NOT dead FOR UPDATE", node):
            await _declare_dead(connection, [node])
    while await _free_claims(connection):
        pass


async def _take_over(connection: asyncpg.Connection[Any]) -> None:
    nodes = [row[0] for row in await connection.fetch(_EXPIRED)]
    if nodes:
        log.warning("nodes %s did not renew their leases: their work is taken over", nodes)
        await _declare_dead(connection, nodes)


async def _declare_dead(connection: asyncpg.Connection[Any], nodes: list[int]) -> None:
    await connection.execute(_DECLARE_DEAD, nodes)
    await connection.execute(_BIND, nodes)
    await connection.execute(_FORGET_ATTEMPTS, nodes)
    await keep_spent(connection, nodes)


async def _free_claims(connection: asyncpg.Connection[Any]) -> bool:
    """Free some claims of dead nodes; False if there are none left."""
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM node WHERE dead)"):
        return False
    await connection.execute(_FREE, _FREED_PER_RENEWAL)
    await connection.execute(_FORGET_DEAD)
    return True


async def claim(
    connection: asyncpg.Connection[Any],
    node: int,
    routes: tuple[str, ...],
    limit: int | None,
    lane: Lane,
    doubtful: list[int],
    claimed: dict[int, int],
) -> list[Record]:
    """Messages that no node owned, now of this one: the most urgent, down to those of ``lane``, and some that
    expired or have a report.

    ``doubtful`` are those of earlier calls without an answer, which are given back, and gets those of this
    call: the caller empties it when it has the answer. ``claimed`` gets the highest turn of the most urgent
    ones, by lane.
    """
    async with connection.transaction():
        lowest = list(Lane).index(lane)
        if doubtful:
            await give_back(connection, node, doubtful)
        rows = await connection.fetch(_CLAIM, node, list(routes), limit, _ENDING_AT_ONCE, lowest)
        ids = [row[0] for row in rows]
        doubtful.extend(ids)
        for _, number, turn in rows:
            if number is not None:
                claimed[number] = max(turn, claimed.get(number, 0))
        return await with_ids(connection, ids) if ids else []


async def give_back(connection: asyncpg.Connection[Any], node: int, ids: Sequence[int]) -> None:
    """Any node may claim those of these messages that the node owns."""
    await connection.execute(_GIVE_BACK, node, ids)


async def reports(connection: asyncpg.Connection[Any], node: int, limit: int) -> list[HandedOver]:
    """As ``Leases.reports``."""
    rows = await connection.fetch(_REPORTS, node, limit)
    return [HandedOver(row[0], Report(row[1], row[2], State(row[3]), row[4])) for row in rows]
