"""A higher spending limit: held messages are fitted a few at a time, in the order of their ids. In the end as
many are fitted as at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from held_world import HeldWorld
from hypothesis import given, settings
from hypothesis import strategies as st
from nanoseconds import S

from reference_sender.dispatch.values import Lane, Message, State
from reference_sender.policy.campaigns import Campaign, CampaignChange, CampaignState
from reference_sender.policy.gate import RELEASED_AT_ONCE, Gate, open_gate
from reference_sender.policy.settings import PolicySettings
from reference_sender.policy.spending import Spent
from reference_sender.store.protocol import Hold

PRICED = PolicySettings.model_validate({"spending": {"cost_per_segment": 1.0}})
UNIT = 1_000_000
DAILY = PolicySettings.model_validate({"spending": {"cost_per_segment": 1.0, "daily_limit": 900.0}})
DAY = 86_400 * S
NOW = S


def message(number: int, campaign: str, segments: int) -> Message:
    fields = (f"k-{number}", "48500100200", "x", Lane.MARKETING, "", campaign, segments, 0, 30 * DAY)
    return Message(number, *fields)


def holding(policy: PolicySettings, messages: Sequence[Message]) -> Gate:
    """All of them held, above limits of 0."""
    gate = open_gate(policy)
    for name in {each.campaign for each in messages}:
        gate.change(NOW, Campaign(name, CampaignState.RUNNING, 0))
    gate.hold(NOW, gate.admit(NOW, messages).held)
    return gate


def fitted(gate: Gate, raised: Sequence[Campaign]) -> list[Message]:
    """What gets a new hold, in this order; no call looks at more than ``RELEASED_AT_ONCE``."""
    gate.may_fit = False
    for each in raised:
        assert not gate.change(NOW, each).holds
    gate.may_fit = True
    found: list[Message] = []
    while gate.next_ns() == 0:
        holds = gate.fit(NOW).holds
        assert len(holds) <= RELEASED_AT_ONCE
        found += holds
    return found


def at_once(messages: Sequence[Message], limits: dict[str, int], daily: float) -> list[int]:
    """Ids of those that fit on the first day or a later one: the plain rule."""
    spent = dict.fromkeys(limits, 0)
    fit: list[int] = []
    for each in sorted(messages, key=lambda each: each.message_id):
        cost = each.segments
        if cost <= daily and spent[each.campaign] + cost <= limits[each.campaign]:
            spent[each.campaign] += cost
            fit.append(each.message_id)
    return fit


sizes = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3)), min_size=1, max_size=40)


@given(sizes, st.dictionaries(st.sampled_from("abc"), st.integers(0, 60)), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=150)
def test_in_the_end_as_many_are_fitted_as_at_once(drawn, limits, order) -> None:  # type: ignore[no-untyped-def]
    for policy, daily in ((PRICED, 10**9), (DAILY, 900)):
        messages = [
            message(number, name, segments) for number, (name, segments) in enumerate(drawn * 40, start=1)
        ]
        shuffled = list(messages)
        order.shuffle(shuffled)
        names = {each.campaign for each in messages}
        all_limits = {name: 40 * limits.get(name, 0) for name in names}
        gate = holding(policy, shuffled)
        raised = [Campaign(name, CampaignState.RUNNING, limit * UNIT) for name, limit in all_limits.items()]
        found = [each.message_id for each in fitted(gate, raised)]
        assert found == at_once(messages, all_limits, daily)


def test_one_call_fits_a_bounded_number() -> None:
    messages = [message(number, "may", 1) for number in range(1, 2_001)]
    gate = holding(PRICED, messages)
    changed = gate.change(NOW, Campaign("may", CampaignState.RUNNING, 5_000 * UNIT))
    assert [each.message_id for each in changed.holds] == list(range(1, RELEASED_AT_ONCE + 1))
    assert changed.spent == [Spent("may", 0, RELEASED_AT_ONCE * UNIT)]


def test_a_limit_that_is_used_up_ends_the_search() -> None:
    messages = [message(number, "may", 1) for number in range(1, 20_001)]
    gate = holding(PRICED, messages)
    assert len(gate.change(NOW, Campaign("may", CampaignState.RUNNING, 3 * UNIT)).holds) == 3
    assert gate.next_ns() != 0


def test_a_new_message_waits_for_earlier_ones_of_its_campaign() -> None:
    """In virtual time: the limit has room for all earlier messages and no more."""
    count = 3 * RELEASED_AT_ONCE
    world = HeldWorld(PRICED)
    world.set_state(CampaignState.RUNNING, limit=0)
    world.take(*[world.message() for _ in range(count)])
    raised = CampaignChange("may", CampaignState.RUNNING, count * UNIT)
    world.node.change_campaign(0, raised, None)
    world.take(world.message(), world.message(campaign=""))
    assert [number for _, number in world.sent] == [count + 2], "another campaign does not wait"
    for _ in range(20):
        world.pass_time(world.now_ns + S)
        world.answer()
    assert sorted(number for _, number in world.sent) == [*range(1, count + 1), count + 2]
    assert world.node.gate.held("may").over_limit == 1
    assert world.store.spent("may") == count * UNIT
    world.set_state(CampaignState.RUNNING, limit=(count + 1) * UNIT)
    world.pass_time(world.now_ns + S)
    assert world.node.gate.held_messages == 0


def test_after_a_kill_in_the_middle_the_rest_is_fitted() -> None:
    count = 3 * RELEASED_AT_ONCE
    world = HeldWorld(PRICED)
    world.set_state(CampaignState.RUNNING, limit=0)
    world.take(*[world.message() for _ in range(count)])
    world.node.change_campaign(0, CampaignChange("may", CampaignState.RUNNING, (count - 1) * UNIT), None)
    commit = world.node.begin_commit(0)
    assert commit.work is not None
    world.store.commit(commit.work)
    assert 0 < world.store.spent("may") < (count - 1) * UNIT
    world.start(page=100)
    while world.unread:
        world.read_on()
    for _ in range(20):
        world.pass_time(world.now_ns + S)
        world.answer()
    assert world.store.spent("may") == (count - 1) * UNIT
    queued = [number for number, each in world.records().items() if each.state is State.QUEUED]
    assert queued == [count]


def test_a_commit_has_a_bounded_number_of_new_holds() -> None:
    """However often the node is called while a commit is in progress."""
    count = 10 * RELEASED_AT_ONCE
    world = HeldWorld(PRICED)
    world.set_state(CampaignState.RUNNING, limit=0)
    world.take(*[world.message() for _ in range(count)])
    node = world.node
    effects = node.change_campaign(0, CampaignChange("may", CampaignState.RUNNING, count * UNIT), None)
    kept = 0
    while kept < count:
        commit = node.begin_commit(0)
        assert commit.work is not None
        for _ in range(5):
            effects += node.advance(0)
        holds = sum(isinstance(each, Hold) for each in commit.work.controls)
        assert holds <= RELEASED_AT_ONCE
        kept += holds
        effects += node.committed(0, world.store.commit(commit.work))
    world.act(effects)
    assert world.store.spent("may") == count * UNIT
