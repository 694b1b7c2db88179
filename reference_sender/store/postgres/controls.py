"""The tables of ``Work.controls`` in PostgreSQL, and the removal of old rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg

from reference_sender.dispatch.values import FINAL_STATES, Message
from reference_sender.policy.campaigns import Campaign, CampaignChange, CampaignState, KnownCampaign
from reference_sender.policy.opt_out import OptOut
from reference_sender.policy.quiet_hours import FOREVER
from reference_sender.policy.spending import Spent
from reference_sender.store.campaign_reports import ReportControl
from reference_sender.store.postgres.campaign_reports import write_report_control
from reference_sender.store.protocol import Control, Hold, OptIn, Purged
from reference_sender.store.rule_purge import OldRules, RulePlace, RulePurge

_HOLD = """
INSERT INTO hold SELECT u.id, u.not_before_ns, u.keeps_hours
FROM unnest($1::bigint[], $2::bigint[], $3::boolean[]) AS u (id, not_before_ns, keeps_hours)
JOIN message m ON m.id = u.id
"""
_CHANGE_HOLDS = """
UPDATE hold SET not_before_ns = u.not_before_ns
FROM unnest($1::bigint[], $2::bigint[]) AS u (id, not_before_ns) WHERE hold.id = u.id
"""
_SPEND = """
INSERT INTO spending VALUES ($1, $2, $3, $4)
ON CONFLICT (campaign, day, node) DO UPDATE
SET amount = excluded.amount, changed_at = clock_timestamp()
"""
# As ``changed_campaign``: a node that does not know yet what another one changed undoes nothing.
_CAMPAIGN = """
INSERT INTO campaign VALUES ($1, coalesce($2::text, 'running'), $3) ON CONFLICT (name) DO UPDATE
SET state = CASE campaign.state WHEN 'cancelled' THEN 'cancelled' ELSE coalesce($2::text, campaign.state) END,
    spending_limit = coalesce(excluded.spending_limit, campaign.spending_limit),
    changed_at = clock_timestamp()
"""
# The lock is held until the transaction ends: no campaign is removed meanwhile, and one that was removed
# before is inserted.
_KNOWN = """
WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared($1))
INSERT INTO campaign SELECT u.name, u.state, u.spending_limit
FROM locked, unnest($2::text[], $3::text[], $4::bigint[], $5::boolean[]) AS u
    (name, state, spending_limit, with_message)
WHERE NOT u.with_message
    OR (SELECT m.id FROM message m WHERE m.campaign = u.name AND m.campaign <> '' LIMIT 1) IS NULL
ORDER BY u.name
ON CONFLICT (name) DO NOTHING RETURNING name
"""
_NONE_KNOWN = "SELECT pg_advisory_xact_lock($1)"
LOCK = 0x736D7370  # campaigns are removed, or get messages
_OPT_OUT = """
INSERT INTO opt_out VALUES ($1, $2) ON CONFLICT (number) DO UPDATE
SET since_ns = excluded.since_ns, active = true, changed_at = clock_timestamp()
"""
_OPT_IN = "UPDATE opt_out SET active = false, changed_at = clock_timestamp() WHERE number = $1 AND active"
_OVER_LIMITS = """
SELECT m.campaign, count(*) FROM hold h JOIN message m ON m.id = h.id LEFT JOIN progress p ON p.id = h.id
WHERE h.not_before_ns >= $1 AND m.expires_ns > $2 AND coalesce(p.state, 'queued') = 'queued'
    AND NOT EXISTS (SELECT FROM campaign c WHERE c.name = m.campaign AND c.state = 'cancelled')
GROUP BY 1
"""
# Ids of one node rise with the time of creation, and those of different nodes do not: so every message is
# looked at.
_OLDEST = """
SELECT m.id, m.created_ns < $1 AND p.state = ANY($4) AND p.at_ns < $1, m.created_ns >= $1
FROM message m LEFT JOIN progress p ON p.id = m.id
WHERE m.id > $2 AND m.id < (SELECT max(id) FROM message) ORDER BY m.id LIMIT $3
"""
_FINAL = [state.value for state in FINAL_STATES]
_RULES = RulePurge(' COLLATE "default"', "changed_at < to_timestamp($3::float8 / 1e9)")


async def write_holds(connection: asyncpg.Connection[Any], messages: Sequence[Message]) -> None:
    """Store when held messages may be sent, except those that were not stored because of their keys."""
    held = [each for each in messages if is_held(each)]
    if not held:
        return
    await connection.execute(
        _HOLD,
        [each.message_id for each in held],
        [each.not_before_ns for each in held],
        [each.keeps_hours for each in held],
    )


def is_held(message: Message) -> bool:
    """Whether ``message`` has a row in ``hold``."""
    return message.not_before_ns > 0 or message.keeps_hours


async def write_known(connection: asyncpg.Connection[Any], node: int, controls: Iterable[Control]) -> None:
    """Store the ``KnownCampaign`` of ``Work.controls``. The first part of a transaction: a purge, which holds
    the lock, waits for what the transaction writes.
    """
    known = {each.campaign.name: each for each in controls if isinstance(each, KnownCampaign)}
    if not known:
        return
    campaigns = [each.campaign for each in known.values()]
    rows = await connection.fetch(
        _KNOWN,
        LOCK,
        [each.name for each in campaigns],
        [each.state.value for each in campaigns],
        [each.spending_limit for each in campaigns],
        [each.with_message for each in known.values()],
    )
    for (name,) in rows:
        for each in known[name].spent:
            await connection.execute(_SPEND, each.campaign, each.day, each.amount, node)


async def write_controls(connection: asyncpg.Connection[Any], node: int, controls: Iterable[Control]) -> None:
    """Store the rest of ``Work.controls``; all holds, of which there may be thousands, in one statement."""
    holds: dict[int, int] = {}
    for each in controls:
        if isinstance(each, Hold):
            holds[each.message_id] = each.not_before_ns
        elif not isinstance(each, KnownCampaign):
            await _write_control(connection, node, each)
    if holds:
        await connection.execute(_CHANGE_HOLDS, list(holds), list(holds.values()))


async def _write_control(
    connection: asyncpg.Connection[Any],
    node: int,
    control: CampaignChange | Spent | OptOut | OptIn | ReportControl,
) -> None:
    if isinstance(control, Spent):
        await connection.execute(_SPEND, control.campaign, control.day, control.amount, node)
    elif isinstance(control, CampaignChange):
        state = None if control.state is None else control.state.value
        await connection.execute(_CAMPAIGN, control.name, state, control.spending_limit)
    elif isinstance(control, OptOut):
        await connection.execute(_OPT_OUT, control.number, control.since_ns)
    elif isinstance(control, OptIn):
        await connection.execute(_OPT_IN, control.number)
    else:
        await write_report_control(connection, control)


async def campaigns(connection: asyncpg.Connection[Any], name: str | None) -> list[Campaign]:
    """As ``CampaignStore.campaigns``."""
    which, values = ("", ()) if name is None else (" WHERE name = $1", (name,))
    query = f"SELECT name, state, spending_limit FROM campaign{which} ORDER BY name"
    rows = await connection.fetch(query, *values)
    return [Campaign(row[0], CampaignState(row[1]), row[2]) for row in rows]


async def controlled(connection: asyncpg.Connection[Any], names: Sequence[str]) -> frozenset[str]:
    """As ``CampaignStore.controlled``."""
    rows = await connection.fetch("SELECT name FROM campaign WHERE name = ANY($1)", names)
    return frozenset(row[0] for row in rows)


async def spending(connection: asyncpg.Connection[Any]) -> list[Spent]:
    """As ``CampaignStore.spending``."""
    rows = await connection.fetch("SELECT campaign, day, sum(amount) FROM spending GROUP BY campaign, day")
    return [Spent(campaign, day, int(amount)) for campaign, day, amount in rows]


async def spent(connection: asyncpg.Connection[Any], campaign: str) -> int:
    """As ``CampaignStore.spent``."""
    query = "SELECT coalesce(sum(amount), 0) FROM spending WHERE campaign = $1"
    return int(await connection.fetchval(query, campaign))


async def over_limits(connection: asyncpg.Connection[Any], at_ns: int) -> dict[str, int]:
    """As ``CampaignStore.over_limits``."""
    rows = await connection.fetch(_OVER_LIMITS, FOREVER, at_ns)
    return {row[0]: row[1] for row in rows}


async def opt_outs(connection: asyncpg.Connection[Any], after: str, limit: int) -> list[OptOut]:
    """As ``CampaignStore.opt_outs``."""
    rows = await connection.fetch(
        "SELECT number, since_ns FROM opt_out WHERE active AND number > $1 ORDER BY number LIMIT $2",
        after,
        limit,
    )
    return [OptOut(number, since_ns) for number, since_ns in rows]


async def purge(connection: asyncpg.Connection[Any], before_ns: int, after_id: int, limit: int) -> Purged:
    """As ``MessageArchive.purge``."""
    async with connection.transaction():
        rows = await connection.fetch(_OLDEST, before_ns, after_id, limit, _FINAL)
        gone = [row[0] for row in rows if row[1]]
        for table in ("message", "progress", "hold"):
            await connection.execute(f"DELETE FROM {table} WHERE id = ANY($1)", gone)
    is_young = bool(rows) and all(row[2] for row in rows)
    return Purged(len(gone), None if len(rows) < limit else rows[-1][0], is_young)


async def purge_rules(
    connection: asyncpg.Connection[Any], old: OldRules, place: RulePlace, limit: int
) -> RulePlace | None:
    """As ``CampaignStore.purge_rules``."""
    query, values = place.page(limit)
    rows = await connection.fetch(query, *values)
    if not rows:
        return place.next(0, limit, place)
    last = RulePlace(place.table, *rows[-1])
    statement, values = _RULES.removal(old, place, last)
    # Mostly nothing is old, and the lock holds up commits of all nodes.
    if await connection.fetchval(_RULES.query_before(statement), *values) is not None:
        async with connection.transaction():
            await connection.execute(_NONE_KNOWN, LOCK)
            await connection.execute(statement, *values)
    return place.next(len(rows), limit, last)
