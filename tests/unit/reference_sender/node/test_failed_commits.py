"""What a failed commit does to the order in which a node stores, submits and acknowledges."""

from __future__ import annotations

import pytest
from held_world import HeldWorld
from messages import made_message

from reference_sender.dispatch.values import NS_PER_S
from reference_sender.node.effects import Acknowledge, NodeEffect, SubmitNow
from reference_sender.policy.campaigns import CampaignChange, CampaignState
from reference_sender.store.protocol import StoreError
from reference_sender.store.rule_purge import OldRules, RulePlace

FULL = StoreError("disk full")
OTHER = made_message(100, to="48500100201", sender_id="", campaign="other")


def commit_all(world: HeldWorld, at_ns: int) -> list[NodeEffect]:
    """Commit until nothing waits; what the node then does."""
    done: list[NodeEffect] = []
    while world.node.commit_due_ns() is not None:
        work = world.node.begin_commit(at_ns).work
        done += world.node.committed(at_ns + 1, {} if work is None else world.store.commit(work))
        at_ns += NS_PER_S
    return done


@pytest.mark.parametrize("how", ["cancel", "pause", "opt_out"])
@pytest.mark.parametrize("fails", [False, True])
def test_no_message_goes_out_after_its_stop_was_acknowledged(how: str, fails: bool) -> None:
    world = HeldWorld()
    node = world.node
    world.take(world.message(not_before_ns=10 * NS_PER_S))
    world.now_ns = 9 * NS_PER_S
    node.take(OTHER, "client")
    work = node.begin_commit(world.now_ns).work
    assert work is not None
    if fails:
        node.commit_failed(world.now_ns + 1, FULL)
    else:
        world.store.commit(work)
        node.committed(world.now_ns + 1, {})
    stopped_ns = 10 * NS_PER_S + 1
    done = node.advance(10 * NS_PER_S)  # the message is due: its attempt waits for the next commit
    if how == "opt_out":
        done += node.opt_out(stopped_ns, ["48500100200"], "stop")
    else:
        state = CampaignState.CANCELLED if how == "cancel" else CampaignState.PAUSED
        done += node.change_campaign(stopped_ns, CampaignChange("may", state), "stop")
    done += commit_all(world, 11 * NS_PER_S)
    sent = [index for index, each in enumerate(done) if isinstance(each, SubmitNow)]
    assert sent
    assert max(sent) < done.index(Acknowledge("stop", None))


def test_everything_before_is_stored_only_when_the_messages_taken_before_are_durable() -> None:
    world = HeldWorld()
    node = world.node
    node.take(OTHER, "refused")
    node.begin_commit(0)
    node.commit_failed(1, FULL)
    node.take(world.message(), "client")
    node.answer_when_stored("stored")
    work = node.begin_commit(2 * NS_PER_S).work
    assert work is not None
    world.store.commit(work)
    assert node.committed(2 * NS_PER_S + 1, {}) == []
    assert world.records() == {}
    done = commit_all(world, 3 * NS_PER_S)
    assert {Acknowledge("client", None), Acknowledge("stored", None)} <= {
        each for each in done if isinstance(each, Acknowledge)
    }
    assert list(world.records()) == [1]


def test_removed_controls_are_not_kept_again_for_a_refused_message() -> None:
    """All nodes would pause the campaign again, for a message that does not exist."""
    world = HeldWorld()
    world.set_state(CampaignState.PAUSED)
    place: RulePlace | None = RulePlace()
    while place is not None:
        place = world.store.purge_rules(OldRules(before_ns=2**62, day=10**6), place, 100)
    assert world.store.campaigns() == []
    world.node.take(world.message(), "client")
    assert world.node.begin_commit(0).work is not None
    world.node.commit_failed(1, FULL)
    commit_all(world, NS_PER_S)
    assert world.store.campaigns() == [] and world.records() == {}
