"""Controls that a commit stores with the messages of their campaign, in case a purge has removed them."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
from messages import made_message
from msgspec.structs import replace
from store_nodes import LONG, Join, OpenStore

from reference_sender.dispatch.values import Message
from reference_sender.policy.campaigns import Campaign, CampaignChange, CampaignState, KnownCampaign
from reference_sender.policy.spending import Spent
from reference_sender.store import Store, Work
from reference_sender.store.postgres import controls, writing
from reference_sender.store.postgres.controls import write_controls
from reference_sender.store.protocol import Control
from reference_sender.store.rule_purge import OldRules, RulePlace

DAY_NS = 86_400_000_000_000
NOW_NS = time.time_ns()
TODAY = NOW_NS // DAY_NS
ALL = OldRules(NOW_NS + DAY_NS, TODAY)
PAUSED = Campaign("may", CampaignState.PAUSED, 7)
KNOWN = KnownCampaign(PAUSED, [Spent("may", TODAY - 9, 3), Spent("may", TODAY, 2)], NOW_NS, with_message=True)


def message(number: int = 1, campaign: str = "may") -> Message:
    return made_message(number, sender_id="S", campaign=campaign, created_ns=10)


def purge(store: Store, old: OldRules = ALL) -> None:
    place: RulePlace | None = RulePlace()
    while place is not None:
        place = store.purge_rules(old, place, 10)


def test_removed_controls_and_costs_are_stored_again_with_a_message(open_it: OpenStore) -> None:
    store = open_it()
    change = CampaignChange("may", CampaignState.PAUSED, 7, NOW_NS)
    store.commit(Work(controls=[change, Spent("may", TODAY - 9, 3)]))
    purge(store)
    assert (store.campaigns(), store.spending()) == ([], [])
    # The total of the day is of this commit too, and newer.
    store.commit(Work([message()], controls=[KNOWN, Spent("may", TODAY, 4)]))
    store = open_it()
    assert store.campaigns() == [PAUSED]
    assert {*store.spending()} == {Spent("may", TODAY - 9, 3), Spent("may", TODAY, 4)}
    purge(store)
    assert store.campaigns() == [PAUSED]


def test_controls_that_the_store_has_stay_as_they_are(open_it: OpenStore) -> None:
    """Another node may have changed them, and this one not know it yet."""
    store = open_it()
    resumed = CampaignChange("may", CampaignState.RUNNING, 9, NOW_NS - 10)
    store.commit(Work(controls=[resumed, Spent("may", TODAY - 9, 5)]))
    june = KnownCampaign(Campaign("june"), (), NOW_NS, with_message=True)
    store.commit(Work([message(), message(2, "june")], controls=[KNOWN, june]))
    store = open_it()
    assert store.campaigns() == [Campaign("june"), Campaign("may", spending_limit=9)]
    assert store.spending() == [Spent("may", TODAY - 9, 5)]


def test_a_change_in_the_same_commit_is_newer(open_it: OpenStore) -> None:
    store = open_it()
    resumed = CampaignChange("may", CampaignState.RUNNING, None, NOW_NS)
    store.commit(Work([message()], controls=[KNOWN, resumed]))
    assert open_it().campaigns() == [replace(PAUSED, state=CampaignState.RUNNING)]


@pytest.mark.parametrize("with_message", [True, False])
def test_removed_controls_stay_away_from_a_new_campaign(open_it: OpenStore, with_message: bool) -> None:
    """Another node, which had forgotten them, took its first message. Before a change they come back."""
    store = open_it()
    store.commit(Work(controls=[CampaignChange("may", CampaignState.PAUSED, 7, NOW_NS)]))
    purge(store)
    store.commit(Work([message()]))
    store.commit(Work([message(2)], controls=[replace(KNOWN, with_message=with_message)]))
    store = open_it()
    assert store.campaigns() == ([] if with_message else [PAUSED])
    assert bool(store.spending()) is not with_message


def test_a_node_that_knows_removed_controls_changes_no_message_of_another(join: Join) -> None:
    first, second = join(LONG), join(LONG)
    first.commit(Work(controls=[CampaignChange("may", CampaignState.PAUSED, 7)]))
    purge(first)
    first.commit(Work([message()]))
    assert second.commit(Work([message(2)], controls=[KNOWN])) == {}
    assert (first.campaigns(), second.spending()) == ([], [])
    assert not first.rule_changes(0.0).campaigns


@pytest.mark.parametrize("table", ["campaigns", "costs"])
def test_a_purge_of_one_node_waits_for_the_commit_of_another(
    join: Join, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """Without that, neither would see the other: the message would be stored, and the controls removed."""
    first, second = join(LONG), join(LONG)
    change = CampaignChange("may", CampaignState.PAUSED, 7)
    first.commit(Work(controls=[change, Spent("may", TODAY - 9, 3)]))
    place: RulePlace | None = RulePlace(1)
    if table == "costs":  # those of the controls are removed, and the costs come next
        place = second.purge_rules(ALL, RulePlace(1), 10)
    written, purging = threading.Event(), threading.Event()

    async def slowly(
        connection: asyncpg.Connection[asyncpg.Record], node: int, stored: list[Control]
    ) -> None:
        await write_controls(connection, node, stored)
        written.set()
        await asyncio.to_thread(purging.wait, 10)
        # Nothing shows that the purge waits for the lock. Without the lock it would end in this time.
        await asyncio.sleep(0.3)

    monkeypatch.setattr(writing, "write_controls", slowly)
    with ThreadPoolExecutor(2) as pool:
        commit = pool.submit(first.commit, Work([message()], controls=[KNOWN]))
        assert written.wait(10)
        assert place is not None
        step = pool.submit(second.purge_rules, ALL, place, 10)
        purging.set()
        commit.result(10)
        step.result(10)
    assert second.campaigns() == [PAUSED]
    assert Spent("may", TODAY - 9, 3) in second.spending()


def test_a_commit_of_one_node_waits_for_the_purge_of_another(join: Join, url: str) -> None:
    first, second = join(LONG), join(LONG)
    first.commit(Work(controls=[CampaignChange("may", CampaignState.PAUSED, 7)]))

    async def remove() -> None:
        connection = await asyncpg.connect(url)
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", controls.LOCK)
            await connection.execute("DELETE FROM smsbench.campaign")
            commit = asyncio.create_task(
                asyncio.to_thread(second.commit, Work([message()], controls=[KNOWN]))
            )
            done, _ = await asyncio.wait([commit], timeout=0.3)
            assert not done
        await commit
        await connection.close()

    asyncio.run(remove())
    assert first.campaigns() == [PAUSED]
