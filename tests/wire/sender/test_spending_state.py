"""What alerts and metrics get to know of spending limits."""

from __future__ import annotations

from typing import Any

from any_hour import policy_at_any_hour, zone_at_noon
from msgspec.structs import replace
from sender_world import AUTHORIZED, RunWorld, SenderWorld

from reference_sender.clock import now_ns
from reference_sender.policy.settings import PolicySettings
from reference_sender.policy.spending_state import CampaignSpending, SpendingState

UNIT = 1_000_000


def priced(**limits: float) -> PolicySettings:
    spending = {"cost_per_segment": 0.5, "time_zone": zone_at_noon()} | limits
    return policy_at_any_hour(recipients={"messages": 0}, spending=spending)


async def order(world: SenderWorld, count: int, limit: float | None = None) -> None:
    head = {"campaign": "may", "message_class": "marketing", "text": "Sale"}
    rows = {"recipients": [{"to": f"48500200{number:03d}"} for number in range(count)]}
    limited = {} if limit is None else {"spending_limit": limit}
    assert (await world.call("POST", "/v1/campaigns", json=head | limited | rows))[0] == 202


def state(world: SenderWorld) -> SpendingState:
    return world.driver.gate.spending_state(now_ns())


def test_messages_over_a_limit_are_counted_until_it_is_raised(run_world: RunWorld) -> None:
    async def stops_at_the_limit(world: SenderWorld) -> None:
        await order(world, 5, 1.5)
        assert state(world).campaigns == (CampaignSpending("may", 3 * UNIT // 2, 3 * UNIT // 2, 2),)
        assert state(world).campaigns[0].share == 1
        _, text, _ = await world.call("GET", "/metrics", headers=AUTHORIZED)
        assert b"smsbench_sender_over_limit_messages 2.0" in text

    async def is_raised(world: SenderWorld) -> None:
        assert state(world).campaigns[0].over_limit == 2, "also after a restart"
        await world.call("POST", "/v1/campaigns/may/resume", json={"spending_limit": 2})
        assert state(world).campaigns == (CampaignSpending("may", 2 * UNIT, 2 * UNIT, 1),)
        await world.call("POST", "/v1/campaigns/may/cancel")
        await world.driver.all_stored()
        assert state(world).campaigns[0].over_limit == 0

    for steps in (stops_at_the_limit, is_raised):
        run_world(steps, policy=priced())


def test_messages_that_wait_for_the_next_day_are_counted(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        await order(world, 2)
        assert (state(world).spent_today, state(world).moved_today) == (UNIT, 0)
        await order(world, 3)
        now = state(world)
        assert (now.spent_today, now.daily_limit, now.moved_today) == (UNIT, UNIT, 3)

    run_world(steps, policy=priced(daily_limit=1.0))


def test_a_repeat_in_the_last_commit_of_a_sender_costs_nothing(run_world: RunWorld) -> None:
    async def stops(world: SenderWorld) -> None:
        await world.post(campaign="may")
        await world.until_sent(1)
        repeated.append(world.driver.take(replace(world.route.submitted[0], message_id=99)))

    async def starts(world: SenderWorld) -> None:
        assert repeated[0].result().message_id == 1
        assert world.store.spent("may") == UNIT // 2

    repeated: list[Any] = []
    for steps in (stops, starts):
        run_world(steps, policy=priced())


def test_without_prices_there_is_no_state(run_world: RunWorld) -> None:
    async def steps(world: SenderWorld) -> None:
        assert state(world) == SpendingState()

    run_world(steps)
