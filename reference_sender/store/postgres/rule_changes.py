"""What nodes of one PostgreSQL changed in the rules that all of them apply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from reference_sender.dispatch.values import NS_PER_S
from reference_sender.policy.campaigns import Campaign, CampaignState
from reference_sender.policy.recipients import NumberCount
from reference_sender.policy.spending import Spent
from reference_sender.store.protocol import RuleChanges

# A row has the instant at which it was written, and it can be seen only once its transaction has ended. No
# transaction of a node takes longer than this.
_LONGEST_TRANSACTION_S = 10.0
_TURN_S = 2.0
_REMOVED_KEPT = "1 hour"  # the lease of a node that did not read for this long has ended

_CHANGED = """
SELECT extract(epoch FROM clock_timestamp())::float8,
    EXISTS (SELECT FROM campaign WHERE changed_at > to_timestamp($1)),
    EXISTS (SELECT FROM opt_out WHERE changed_at > to_timestamp($1)),
    EXISTS (SELECT FROM spending WHERE changed_at > to_timestamp($1)),
    EXISTS (SELECT FROM recipient WHERE changed_at > to_timestamp($1) AND node <> $2),
    (SELECT array_agg(id ORDER BY id) FROM node WHERE NOT dead)
"""
_CAMPAIGNS = "SELECT name, state, spending_limit FROM campaign WHERE changed_at > to_timestamp($1)"
_OPT_OUTS = "SELECT number, active FROM opt_out WHERE changed_at > to_timestamp($1)"
_SPENT = """
SELECT campaign, day, coalesce(sum(amount) FILTER (WHERE node <> $2), 0) FROM spending
WHERE (campaign, day) IN (SELECT campaign, day FROM spending WHERE changed_at > to_timestamp($1))
GROUP BY campaign, day
"""
_COUNTED = """
SELECT number, otp, array_agg(at_ns), max(until_ns) FROM recipient, unnest(times_ns) AS at_ns
WHERE node <> $2 AND (number, otp) IN (
    SELECT number, otp FROM recipient WHERE changed_at > to_timestamp($1) AND node <> $2
) GROUP BY number, otp
"""
# The lengths of the arrays differ, and an array of arrays cannot hold that: they come as text.
_SHARE = """
WITH clock AS MATERIALIZED (SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint AS now_ns)
INSERT INTO recipient SELECT u.number, u.otp, $1,
    ARRAY(SELECT now_ns + each FROM unnest(u.times_ns::bigint[]) AS each), now_ns + u.until_ns
FROM clock, unnest($2::text[], $3::boolean[], $4::text[], $5::bigint[]) AS u (number, otp, times_ns, until_ns)
ORDER BY u.number, u.otp
ON CONFLICT (number, otp, node) DO UPDATE
SET times_ns = excluded.times_ns, until_ns = excluded.until_ns, changed_at = clock_timestamp()
"""
_FORGET_COUNTED = "DELETE FROM recipient WHERE until_ns < extract(epoch FROM clock_timestamp()) * 1000000000"
# The costs of nodes that have left stay, in one row for all of them.
_KEEP_SPENT = """
WITH left_behind AS (DELETE FROM spending WHERE node = ANY($1) RETURNING campaign, day, amount)
INSERT INTO spending SELECT campaign, day, sum(amount), 0 FROM left_behind GROUP BY campaign, day
ON CONFLICT (campaign, day, node) DO UPDATE
SET amount = spending.amount + excluded.amount, changed_at = clock_timestamp()
"""
_FORGET_REMOVED = f"""
DELETE FROM opt_out WHERE NOT active AND changed_at < clock_timestamp() - interval '{_REMOVED_KEPT}'
"""


async def read(connection: asyncpg.Connection[Any], node: int, since: float) -> RuleChanges:
    """As ``Leases.rule_changes``."""
    since = max(0.0, since - _LONGEST_TRANSACTION_S)
    row = await connection.fetchrow(_CHANGED, since, node)
    assert row is not None
    mark, campaigns, opt_outs, spent, counted, nodes = row
    changed = await connection.fetch(_CAMPAIGNS, since) if campaigns else []
    numbers = await connection.fetch(_OPT_OUTS, since) if opt_outs else []
    amounts = await connection.fetch(_SPENT, since, node) if spent else []
    counts = await connection.fetch(_COUNTED, since, node) if counted else []
    mark_ns = int(mark * NS_PER_S)
    return RuleChanges(
        mark,
        has_turn(mark, node, nodes or ()),
        [Campaign(name, CampaignState(state), limit) for name, state, limit in changed],
        [number for number, active in numbers if active],
        [number for number, active in numbers if not active],
        [Spent(campaign, day, int(amount)) for campaign, day, amount in amounts],
        [NumberCount(*each).moved(-mark_ns) for each in counts],
    )


def has_turn(at_s: float, node: int, nodes: Sequence[int]) -> bool:
    """Whether ``node`` may use what a spending limit leaves. ``nodes`` have turns of ``_TURN_S`` in the order
    of their ids. Nothing is used in the second half, so that what was used is known in the next turn.
    """
    number, used_s = divmod(at_s, _TURN_S)
    return bool(nodes) and used_s < _TURN_S / 2 and nodes[int(number) % len(nodes)] == node


async def share(connection: asyncpg.Connection[Any], node: int, counted: Sequence[NumberCount]) -> None:
    """As ``Leases.share``."""
    latest = {(each.number, each.otp): each for each in counted}.values()
    await connection.execute(
        _SHARE,
        node,
        [each.number for each in latest],
        [each.otp for each in latest],
        ["{" + ",".join(map(str, each.times_ns)) + "}" for each in latest],
        [each.until_ns for each in latest],
    )


async def keep_spent(connection: asyncpg.Connection[Any], nodes: list[int]) -> None:
    """Keep the costs of nodes that are no longer alive. Part of the transaction that declares them dead."""
    await connection.execute(_KEEP_SPENT, nodes)


async def forget_old(connection: asyncpg.Connection[Any]) -> None:
    """Forget numbers that were taken off the opt-out list long ago, and counts whose window is over."""
    await connection.execute(_FORGET_REMOVED)
    await connection.execute(_FORGET_COUNTED)
