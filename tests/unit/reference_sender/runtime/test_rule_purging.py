"""A sender forgets old campaigns: in the store, and in its own memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from messages import made_message
from msgspec.structs import replace

from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import Change, Message, RouteLimits, State
from reference_sender.policy.campaigns import Campaign, CampaignChange, CampaignState
from reference_sender.policy.gate import open_gate
from reference_sender.policy.settings import PolicySettings, SpendingLimits
from reference_sender.policy.spending import Spent
from reference_sender.runtime.background import BackgroundTasks
from reference_sender.runtime.driver import Driver
from reference_sender.runtime.rule_purging import RulePurging, old_rules
from reference_sender.store import Store, Work
from reference_sender.store.protocol import RuleChanges
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
    return made_message(number, sender_id="S", campaign=campaign, created_ns=10, expires_ns=20)


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
        idle = rules.stored_campaigns(["may", "other"])
        assert idle == [Campaign("may", CampaignState.PAUSED)]
        changed = driver.change_campaign(CampaignChange("may", CampaignState.PAUSED, 5))
        rules.forget(idle, TODAY)
        assert driver.gate.campaign("may") == Campaign("may", CampaignState.PAUSED, 5)
        assert rules.stored_campaigns(["may"]) == []  # the change is not stored
        await changed
        rules.forget(idle, TODAY)
        assert rules.stored_campaigns(["may"]) == [Campaign("may", CampaignState.PAUSED, 5)]
        rules.forget(rules.stored_campaigns(["may"]), TODAY)
        assert driver.gate.campaign("may") is None
        assert store.controlled(["may"]) == {"may"}

    with_sender(tmp_path / "store.db", do)


def purge_store(store: Store, old: OldRules = OLD) -> None:
    place: RulePlace | None = RulePlace()
    while place is not None:
        place = store.purge_rules(old, place, 10)


def new_message(number: int, campaign: str) -> Message:
    return replace(message(number, campaign), created_ns=NOW_NS, expires_ns=NOW_NS + DAY_NS)


def test_messages_that_come_during_a_purge_keep_the_controls_of_their_campaign(tmp_path: Path) -> None:
    """The store has removed the controls, and the process has not forgotten them: it holds the messages, so
    the store must have the controls again in the transaction that stores them.
    """
    names = ("limited", "paused")
    store = SqliteStore(tmp_path / "store.db")
    store.commit(Work(controls=[CampaignChange("paused", CampaignState.PAUSED)]))
    store.commit(Work(controls=[CampaignChange("limited", spending_limit=350_000)]))
    store.commit(Work(controls=[Spent("limited", TODAY - 5, 300_000)]))
    store.close()

    async def arrive(driver: Driver, purging: RulePurging, store: Store) -> None:
        asked = driver.rules.stored_campaigns(names)
        purge_store(store)
        assert asked == [driver.gate.campaign(each) for each in names]
        assert not store.controlled(names)
        await asyncio.gather(driver.take(new_message(1, "paused")), driver.take(new_message(2, "limited")))
        assert store.controlled(names) == set(names)
        driver.rules.forget(asked, OLD.day)
        await purging.purge(OLD)
        check(driver)

    async def start(driver: Driver, _: RulePurging, store: Store) -> None:
        driver.recover(store.unfinished())
        check(driver)

    def check(driver: Driver) -> None:
        gate = driver.gate
        assert gate.campaign("paused") == Campaign("paused", CampaignState.PAUSED)
        assert gate.campaign("limited") == Campaign("limited", spending_limit=350_000)
        assert (gate.held_messages, gate.held("limited").over_limit) == (2, 1)
        assert gate.spending is not None
        assert gate.spending.spent == {"limited": 300_000}

    with_sender(tmp_path / "store.db", arrive)
    with_sender(tmp_path / "store.db", start)


def test_held_messages_of_a_new_campaign_go_when_its_old_controls_are_forgotten(tmp_path: Path) -> None:
    """Another node, which had forgotten the controls, has taken the campaign's first messages."""
    names = ("limited", "paused")
    store = SqliteStore(tmp_path / "store.db")
    store.commit(Work(controls=[CampaignChange("paused", CampaignState.PAUSED)]))
    store.commit(Work(controls=[CampaignChange("limited", spending_limit=350_000)]))
    store.commit(Work(controls=[Spent("limited", TODAY - 5, 300_000)]))
    store.close()

    async def do(driver: Driver, purging: RulePurging, store: Store) -> None:
        gate = driver.gate
        purge_store(store)
        store.commit(Work([new_message(8, "paused"), new_message(9, "limited")]))
        await asyncio.gather(driver.take(new_message(1, "paused")), driver.take(new_message(2, "limited")))
        assert (gate.held_messages, gate.held("limited").over_limit) == (2, 1)
        assert not store.controlled(names)
        await purging.purge(OldRules(OLD.before_ns, TODAY))
        async with asyncio.timeout(5):
            while gate.held_messages:
                await asyncio.sleep(0.01)
        assert (gate.campaigns, gate.stopped) == ({}, set())
        await driver.all_stored()
        assert gate.spending is not None
        assert gate.spending.spent == dict.fromkeys(names, 100_000)
        assert [store.spent(name) for name in names] == [100_000, 100_000]

    with_sender(tmp_path / "store.db", do)


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_message_that_ended_during_a_purge_keeps_the_controls_too(tmp_path: Path, is_stored: bool) -> None:
    """Its campaign holds nothing when the answer of the store comes, which is of an earlier instant."""

    async def do(driver: Driver, _: RulePurging, store: Store) -> None:
        await driver.change_campaign(CampaignChange("may", CampaignState.CANCELLED))
        purge_store(store)
        asked = driver.rules.stored_campaigns(["may"])
        stored = driver.take(new_message(1, "may"))
        while not is_stored and driver.rules.stored_campaigns(["may"]):
            await asyncio.sleep(0)  # until the commit has begun
        if is_stored:
            await stored
        driver.rules.forget(asked, OLD.day)
        await stored
        assert driver.gate.campaign("may") == Campaign("may", CampaignState.CANCELLED)
        assert store.campaigns() == [Campaign("may", CampaignState.CANCELLED)]

    with_sender(tmp_path / "store.db", do)


def test_controls_that_are_set_again_to_the_same_values_stay(tmp_path: Path) -> None:
    async def do(driver: Driver, _: RulePurging, store: Store) -> None:
        await driver.change_campaign(CampaignChange("may", spending_limit=5))
        asked = driver.rules.stored_campaigns(["may"])
        purge_store(store)
        await driver.change_campaign(CampaignChange("may", spending_limit=5))
        driver.rules.forget(asked, OLD.day)
        assert driver.gate.campaign("may") == Campaign("may", spending_limit=5) == store.campaigns()[0]
        # Another node may store them too.
        asked = driver.rules.stored_campaigns(["may"])
        purge_store(store)
        driver.learning()
        driver.learned(RuleChanges(1.0, False, campaigns=[Campaign("may", spending_limit=5)]))
        driver.rules.forget(asked, OLD.day)
        assert driver.gate.campaign("may") == Campaign("may", spending_limit=5)

    with_sender(tmp_path / "store.db", do)


def test_changes_are_dated_by_the_wall_clock(tmp_path: Path) -> None:
    """The controls would be removed early, or late, if the process's clock dated them."""

    async def do(driver: Driver, _: RulePurging, store: Store) -> None:
        before_ns = time.time_ns()
        await driver.change_campaign(CampaignChange("may", CampaignState.PAUSED))
        driver.wall_set(-5 * DAY_NS)
        await driver.change_campaign(CampaignChange("june", CampaignState.PAUSED))

        def left(limit_ns: int) -> frozenset[str]:
            purge_store(store, OldRules(limit_ns, TODAY))
            return store.controlled(["may", "june"])

        assert left(before_ns - 6 * DAY_NS) == {"may", "june"}
        assert left(before_ns - 4 * DAY_NS) == {"may"}
        assert left(time.time_ns() + 1) == frozenset()

    with_sender(tmp_path / "store.db", do)
