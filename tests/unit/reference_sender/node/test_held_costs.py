"""Costs of held messages, in virtual time: what is reserved, returned, and fitted into a raised limit."""

from __future__ import annotations

import pytest
from held_world import HeldWorld
from msgspec.structs import replace
from nanoseconds import S

from reference_sender.policy.campaigns import Campaign, CampaignChange, CampaignState
from reference_sender.policy.settings import PolicySettings
from reference_sender.store import StoreError

HOUR = 3600 * S
PRICED = PolicySettings.model_validate({"spending": {"cost_per_segment": 1.0}})


def ids(world: HeldWorld) -> list[int]:
    return [number for _, number in world.sent]


def states(world: HeldWorld) -> list[str]:
    return [each.state.value for _, each in sorted(world.records().items())]


def test_costs_of_a_failed_commit_that_is_on_disk_are_corrected() -> None:
    world = HeldWorld(PRICED)
    world.set_state(CampaignState.PAUSED)
    world.take(world.message(), world.message())
    for work in ("new messages", "returned costs"):
        if work == "new messages":
            world.node.take(world.message(), "client")
        else:
            world.node.change_campaign(0, CampaignChange("may", CampaignState.CANCELLED), "owner")
            world.node.advance(0)
        commit = world.node.begin_commit(world.now_ns)
        assert commit.work is not None
        world.store.commit(commit.work)
        world.act(world.node.commit_failed(world.now_ns, StoreError("no answer to the commit")))
        assert world.node.gate.spending is not None
        assert world.store.spent("may") == world.node.gate.spending.spent["may"]
    world.pass_time(S)
    assert world.store.spent("may") == 0


def test_a_cancel_returns_to_the_day_on_which_it_was_reserved() -> None:
    limited = {"spending": {"cost_per_segment": 1.0, "daily_limit": 5.0}}
    world = HeldWorld(PolicySettings.model_validate(limited))
    world.set_state(CampaignState.RUNNING, limit=0)
    world.take(world.message())
    world.pass_time(30 * HOUR)
    world.set_state(CampaignState.PAUSED, limit=1_000_000)
    assert world.disk.spent == {("may", 1): 1_000_000}
    world.start()
    world.set_state(CampaignState.CANCELLED, limit=1_000_000)
    world.pass_time(30 * HOUR)
    assert world.disk.spent == {("may", 1): 0}


def test_a_limit_that_is_raised_during_a_commit_holds_for_its_messages() -> None:
    for killed in (False, True):
        world = HeldWorld(PRICED)
        world.set_state(CampaignState.RUNNING, limit=1_000_000)
        world.node.take_many([world.message() for _ in range(4)], None)
        commit = world.node.begin_commit(0)
        raised = CampaignChange("may", CampaignState.RUNNING, 3_000_000)
        world.node.change_campaign(0, raised, None)
        assert commit.work is not None
        world.store.commit(commit.work)
        if killed:  # after the change is on disk, and before the new holds are
            world.disk.campaigns["may"] = Campaign("may", CampaignState.RUNNING, 3_000_000)
            world.start(page=1)
            while world.unread:
                world.read_on()
        else:
            world.act(world.node.committed(0, {}))
        world.pass_time(S)
        assert sorted(ids(world)) == [1, 2, 3]
        held = world.node.gate.held("may")
        assert (held.total, held.over_limit, world.store.spent("may")) == (1, 1, 3_000_000)


def test_a_cancel_returns_what_was_not_sent() -> None:
    world = HeldWorld(PRICED)
    world.set_state(CampaignState.RUNNING, limit=2_000_000)
    world.take(world.message(), world.message(not_before_ns=HOUR), world.message())
    assert world.store.spent("may") == 2_000_000
    world.set_state(CampaignState.CANCELLED, limit=2_000_000)
    world.pass_time(1)
    assert world.store.spent("may") == 1_000_000
    assert states(world) == ["queued", "failed", "failed"]


def test_a_repeated_key_costs_nothing() -> None:
    world = HeldWorld(PRICED)
    one = world.message()
    world.take(one)
    world.take(replace(world.message(), key=one.key))
    assert sum(each.amount for each in world.store.spending()) == 1_000_000


def test_a_repeated_key_costs_nothing_after_a_kill_right_after_its_commit() -> None:
    world = HeldWorld(PRICED)
    one = world.message()
    world.take(one)
    world.node.take_many([replace(world.message(), key=one.key), world.message()], "client")
    commit = world.node.begin_commit(world.now_ns)
    assert commit.work is not None
    assert set(world.store.commit(commit.work)) == {2}
    world.start()
    assert world.node.gate.spending is not None
    assert world.store.spent("may") == world.node.gate.spending.spent["may"] == 2_000_000


@pytest.mark.parametrize("ends", ["with a repeated key", "with an error"])
def test_controls_that_wait_for_a_commit_are_stored_with_the_costs_after_it(ends: str) -> None:
    """The first controls of a campaign come twice during a commit of its messages, so they have costs."""
    world = HeldWorld(PRICED)
    one = world.message()
    world.node.take_many([one, replace(world.message(), key=one.key)], None)
    commit = world.node.begin_commit(0)
    for limit in (5_000_000, 6_000_000):
        world.node.change_campaign(0, CampaignChange("may", CampaignState.RUNNING, limit), None)
    assert commit.work is not None
    if ends == "with an error":
        world.act(world.node.commit_failed(0, StoreError("full")))
    else:
        taken = world.store.commit(commit.work)
        assert set(taken) == {2}
        world.act(world.node.committed(0, taken))
    world.pass_time(S)
    assert world.node.gate.spending is not None
    counted = world.node.gate.spending.spent["may"]
    assert world.store.spent("may") == counted == (0 if ends == "with an error" else 1_000_000)


def test_over_the_daily_limit_messages_continue_the_next_day() -> None:
    limited = {"spending": {"cost_per_segment": 1.0, "daily_limit": 2.0}}
    world = HeldWorld(PolicySettings.model_validate(limited))
    world.take(*[world.message() for _ in range(3)])
    world.start()
    world.take(world.message())
    world.pass_time(48 * HOUR)
    first = {number: at for at, number in reversed(world.sent)}
    assert first == {1: 0, 2: 0, 3: 24 * HOUR, 4: 24 * HOUR}


def test_a_limit_that_is_raised_while_messages_are_read_holds_for_those_read_later() -> None:
    world = HeldWorld(PRICED)
    world.set_state(CampaignState.RUNNING, limit=1_000_000)
    world.take(*(world.message() for _ in range(5)))
    world.answer()
    world.start(page=1)
    state = world.node.state(world.now_ns)
    assert (state.held, state.unread, state.open) == (1, 3, 5)
    world.set_state(CampaignState.RUNNING, limit=4_000_000)
    while world.unread:
        world.read_on()
    world.pass_time(S)
    assert sorted(ids(world)) == [1, 2, 3, 4]
    held = world.node.gate.held("may")
    assert (held.total, held.over_limit, world.store.spent("may")) == (1, 1, 4_000_000)
