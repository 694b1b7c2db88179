"""A sender forgets old campaigns: in the store, and in its own memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import Change, Lane, Message, RouteLimits, State
from reference_sender.policy.campaigns import Campaign, CampaignChange, CampaignState
from reference_sender.policy.gate import open_gate
from reference_sender.policy.settings import PolicySettings, SpendingLimits
from reference_sender.policy.spending import Spent
from reference_sender.runtime.background import BackgroundTasks
from reference_sender.runtime.driver import Driver
from reference_sender.runtime.rule_purging import RulePurging, old_rules
from reference_sender.store import Store, Work
from reference_sender.store.rule_purge import OldRules, RulePlace
from reference_sender.store.sqlite import SqliteStore

DAY_NS = 86_400 * 10**9
NOW_NS = time.time_ns()
TODAY = NOW_NS // DAY_NS
OLD = old_rules(NOW_NS + 20 * DAY_NS)  # messages of today are old, and costs up to the day after tomorrow
LIMITS = RouteLimits("r", 1e6, 1e6, 1e6, 1e6, max_batch=10, max_in_flight=4, idempotency_window_s=86_400.0)
PRICES = PolicySettings(spending=SpendingLimits(cost_per_segment=0.1))
_Answer = TypeVar("_Answer")


async def ask(question: Callable[[], _Answer]) -> _Answer:
    return await asyncio.to_thread(question)


def message(number: int, campaign: str) -> Message:
    return Message(number, f"k-{number}", "48500100200", "x", Lane.MARKETING, "S", campaign, 1, 10, 20)


def with_sender(path: Path, do: Callable[[Driver, RulePurging, Store], Awaitable[None]]) -> None:
    """Run ``do`` with a driver that began with the content of the store."""

    async def run() -> None:
        store = SqliteStore(path)
        background = BackgroundTasks()
        gate = open_gate(PRICES, (), store.campaigns(), store.spending())
        driver = Driver(
            Dispatcher(DispatchSettings(), (LIMITS,), 1), store, {}, background=background, gate=gate
        )
        purging = RulePurging(store, ask, driver, 10**6 * DAY_NS, background)  # by itself it removes nothing
        try:
            await do(driver, purging, store)
        finally:
            purging.stop()
            await driver.commits.close()
            store.close()

    asyncio.run(run())


def test_old_campaigns_are_forgotten_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    store.commit(Work([message(1, "gone"), message(2, "open"), message(3, "last")]))
    store.commit(Work(changes=[Change(1, "k-1", State.FAILED, "x", None, 1, 15)]))
    names = ("cancelled", "gone", "open", "today")
    changes = [CampaignChange(name, spending_limit=900_000) for name in names]
    changes.append(CampaignChange("cancelled", CampaignState.CANCELLED))
    spent = [Spent(name, TODAY, 300_000) for name in ("", "gone", "open", "unlimited")]
    store.commit(Work(controls=[*changes, *spent, Spent("today", TODAY + 30, 300_000)]))
    store.purge(NOW_NS, 0, 10)
    store.close()

    async def do(driver: Driver, purging: RulePurging, store: Store) -> None:
        gate = driver.gate
        assert gate.spending is not None
        assert (set(gate.campaigns), set(gate.stopped)) == (set(names), {"cancelled"})
        await purging.purge(OLD)
        assert set(gate.campaigns) == {"open", "today"} == store.controlled(names)
        assert not gate.stopped
        # A campaign with a limit counts all its days. What has no limit counts none of the old ones.
        assert gate.spending.spent == {"open": 300_000, "today": 300_000}
        assert {each.campaign for each in store.spending()} == {"open", "today"}
        # A new campaign of that name begins without controls and costs, here and in the store.
        await driver.change_campaign(CampaignChange("gone", spending_limit=100_000))
        now_ns = NOW_NS
        admitted = gate.admit(now_ns, [replace(message(9, "gone"), expires_ns=now_ns + DAY_NS)])
        assert admitted.ready
        assert gate.campaign("gone") == Campaign("gone", spending_limit=100_000)
        assert gate.totals(admitted.spent) == [Spent("gone", TODAY, 100_000)]

    with_sender(path, do)


def test_a_campaign_that_changes_while_the_store_is_asked_stays(tmp_path: Path) -> None:
    async def do(driver: Driver, _: RulePurging, store: Store) -> None:
        await driver.change_campaign(CampaignChange("may", CampaignState.PAUSED))
        rules = driver.rules
        idle = rules.idle(["may", "other"], TODAY)
        assert idle == [Campaign("may", CampaignState.PAUSED)]
        changed = driver.change_campaign(CampaignChange("may", CampaignState.PAUSED, 5))
        rules.forget(idle, TODAY)
        assert driver.gate.campaign("may") == Campaign("may", CampaignState.PAUSED, 5)
        assert rules.idle(["may"], TODAY) == []  # the change is not stored
        await changed
        rules.forget(idle, TODAY)
        assert rules.idle(["may"], TODAY) == [Campaign("may", CampaignState.PAUSED, 5)]
        rules.forget(rules.idle(["may"], TODAY), TODAY)
        assert driver.gate.campaign("may") is None
        assert store.controlled(["may"]) == {"may"}

    with_sender(tmp_path / "store.db", do)


def test_changes_are_dated_by_the_wall_clock(tmp_path: Path) -> None:
    """The controls would be removed early, or late, if the process's clock dated them."""

    async def do(driver: Driver, _: RulePurging, store: Store) -> None:
        before_ns = time.time_ns()
        await driver.change_campaign(CampaignChange("may", CampaignState.PAUSED))
        driver.wall_set(-5 * DAY_NS)
        await driver.change_campaign(CampaignChange("june", CampaignState.PAUSED))

        async def left(limit_ns: int) -> frozenset[str]:
            place: RulePlace | None = RulePlace()
            while place is not None:
                place = store.purge_rules(OldRules(limit_ns, TODAY), place, 10)
            return store.controlled(["may", "june"])

        assert await left(before_ns - 6 * DAY_NS) == {"may", "june"}
        assert await left(before_ns - 4 * DAY_NS) == {"may"}
        assert await left(time.time_ns() + 1) == frozenset()

    with_sender(tmp_path / "store.db", do)
