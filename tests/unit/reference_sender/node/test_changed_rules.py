"""Controls that several nodes change: a node applies the changes of the others."""

from __future__ import annotations

import pytest
from held_world import HeldWorld

from reference_sender.policy.campaigns import Campaign, CampaignChange, CampaignState
from reference_sender.store.protocol import RuleChanges

OWN_LIMIT = CampaignChange("may", spending_limit=7)


@pytest.mark.parametrize("when", ["waits for its commit", "made while the changes are read"])
def test_a_change_of_another_node_counts_beside_an_own_one_that_is_not_stored(when: str) -> None:
    world = HeldWorld()
    rules, gate = world.node.rules, world.node.gate
    if when == "waits for its commit":
        rules.change_campaign(0, OWN_LIMIT)
        rules.begin_learning()
    else:
        rules.begin_learning()
        rules.change_campaign(0, OWN_LIMIT)
    stopped = rules.learn(0, RuleChanges(1.0, False, [Campaign("may", CampaignState.PAUSED, 5)]))
    assert gate.campaign("may") == Campaign("may", CampaignState.PAUSED, 7)
    assert stopped, "waiting messages must stop"


def test_an_own_change_that_is_not_stored_is_newer_than_the_news() -> None:
    world = HeldWorld()
    rules, gate = world.node.rules, world.node.gate
    rules.begin_learning()
    rules.change_campaign(0, CampaignChange("may", CampaignState.PAUSED))
    rules.learn(0, RuleChanges(1.0, False, [Campaign("may", CampaignState.RUNNING, 5)]))
    assert gate.campaign("may") == Campaign("may", CampaignState.PAUSED, 5)
    rules.begin_learning()
    rules.change_campaign(0, CampaignChange("may", CampaignState.RUNNING))
    assert rules.learn(0, RuleChanges(2.0, False, [Campaign("may", CampaignState.CANCELLED, 5)]))
    assert gate.campaign("may") == Campaign("may", CampaignState.CANCELLED, 5)
