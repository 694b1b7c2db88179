"""What nodes of a store learn of the rules that other nodes changed (``Leases.rule_changes``)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from postgres_server import PostgresServer
from store_nodes import LONG, Join

from reference_sender.dispatch.values import NS_PER_S
from reference_sender.policy.campaigns import Campaign, CampaignChange, CampaignState
from reference_sender.policy.opt_out import OptOut
from reference_sender.policy.recipients import NumberCount
from reference_sender.policy.spending import Spent
from reference_sender.store import OptIn, Work
from reference_sender.store.postgres.rule_changes import has_turn


def test_a_node_learns_what_others_changed_and_the_costs_of_the_others_alone(join: Join) -> None:
    first, second = join(LONG), join(LONG)
    may = Campaign("may", CampaignState.PAUSED, 5)
    pause = CampaignChange("may", CampaignState.PAUSED, 5)
    first.commit(Work(controls=[pause, OptOut("48500100200", 7), Spent("may", 1, 40), Spent("may", 1, 42)]))
    second.commit(Work(controls=[Spent("may", 1, 100), OptOut("48500100201", 7), OptIn("48500100201")]))
    changes = first.rule_changes(0.0)
    assert (changes.campaigns, changes.spent) == ([may], [Spent("may", 1, 100)])
    assert (changes.opt_outs, changes.opt_ins) == (["48500100200"], ["48500100201"])
    assert second.rule_changes(0.0).spent == [Spent("may", 1, 42)]
    assert first.spent("may") == second.spent("may") == 142
    assert [each.number for each in second.opt_outs("", 9)] == ["48500100200"]


def test_the_costs_of_a_dead_node_stay_and_are_counted_once(
    join: Join, first_dies: Callable[[], None]
) -> None:
    first, second, third = join(LONG), join(LONG), join(LONG)
    for node, amount in ((first, 1), (second, 10), (third, 100)):
        node.commit(Work(controls=[Spent("may", 1, amount)]))
    first_dies()
    second.renew(0)
    assert second.rule_changes(0.0).spent == [Spent("may", 1, 101)]
    assert second.spending() == [Spent("may", 1, 111)]


def test_news_repeat_only_the_changes_of_the_last_seconds(join: Join, postgres: PostgresServer) -> None:
    node = join(LONG)
    node.commit(Work(controls=[CampaignChange("may"), OptOut("48500100200", 7), Spent("may", 1, 40)]))
    mark = node.rule_changes(0.0).mark
    assert node.rule_changes(mark).campaigns == [Campaign("may")]
    postgres.sql("UPDATE smsbench.campaign SET changed_at = changed_at - interval '1 minute'")
    assert node.rule_changes(mark).campaigns == []


def test_counts_of_a_number_come_from_every_other_node_and_end_with_their_window(join: Join) -> None:
    nodes = [join(LONG) for _ in range(3)]
    hour_ns, minute_ns = 3_600 * NS_PER_S, 60 * NS_PER_S
    for index, node in enumerate(nodes):
        node.share(
            [
                NumberCount("48500100200", True, [-9 * minute_ns], hour_ns),
                NumberCount("48500100200", True, [-index * minute_ns], hour_ns),
            ]
        )
    nodes[0].share([NumberCount("48500100201", False, [-2 * hour_ns, -hour_ns], -1)])
    (count,) = nodes[0].rule_changes(0.0).counted
    assert (count.number, count.otp) == ("48500100200", True)
    ages_s = sorted(-each / NS_PER_S for each in count.times_ns)
    assert ages_s == pytest.approx([60, 120], abs=30), (
        "the ages of the other nodes' messages, with those of the calls"
    )
    assert {each.number for each in nodes[1].rule_changes(0.0).counted} == {"48500100200", "48500100201"}
    nodes[2].renew(0)
    assert {each.number for each in nodes[1].rule_changes(0.0).counted} == {"48500100200"}


@pytest.mark.parametrize("nodes", [[3], [3, 5], [2, 3, 9]])
def test_what_a_limit_leaves_is_one_nodes_at_a_time_with_a_pause_between(nodes: list[int]) -> None:
    turns = [[node for node in nodes if has_turn(tenth / 10, node, nodes)] for tenth in range(200)]
    assert all(len(each) <= 1 for each in turns)
    assert {node for each in turns for node in each} == set(nodes)
    changes = [(one, two) for one, two in pairwise(turns) if one and two and one != two]
    assert changes == []
    assert not has_turn(0.0, 1, [])
