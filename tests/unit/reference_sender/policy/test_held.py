"""A change of the rules does a bounded amount of work at a time, however many messages are held."""

from __future__ import annotations

import pytest
from messages import made_message
from msgspec.structs import replace

from reference_sender.dispatch.values import Lane, Message, State
from reference_sender.policy.campaigns import Campaign, CampaignState
from reference_sender.policy.gate import CANCELLED, RELEASED_AT_ONCE, Gate, open_gate
from reference_sender.policy.gate_values import HeldCounts
from reference_sender.policy.held import Held
from reference_sender.policy.holding import why_campaign_held
from reference_sender.policy.quiet_hours import FOREVER
from reference_sender.policy.settings import PolicySettings

COUNT = 5 * RELEASED_AT_ONCE
DUE_NS = 10**9
LATER_NS = DUE_NS + 1


def message(number: int, campaign: str = "may", not_before_ns: int = DUE_NS) -> Message:
    to = f"4850{number:07d}"
    return made_message(number, to=to, sender_id="", campaign=campaign, not_before_ns=not_before_ns)


@pytest.fixture
def gate() -> Gate:
    """A gate with ``COUNT`` held messages of one campaign, held in the order of falling ids."""
    gate = open_gate()
    gate.hold(0, [message(number) for number in range(COUNT, 0, -1)])
    gate.hold(0, [message(COUNT + 1, "other", LATER_NS)])
    return gate


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of messages that are placed again."""
    moved: list[int] = []
    move = Held.move

    def noted(held: Held, message: Message, due_ns: int) -> None:
        moved.append(message.message_id)
        move(held, message, due_ns)

    monkeypatch.setattr(Held, "move", noted)
    return moved


def state(gate: Gate, to: CampaignState) -> None:
    gate.change(0, Campaign("may", to))


def released(gate: Gate, now_ns: int) -> list[Message]:
    """All that is ready, one bounded step after the other."""
    found: list[Message] = []
    while (due_ns := gate.next_ns()) is not None and due_ns <= now_ns:
        step = gate.release(now_ns)
        assert len(step.ready) + len(step.ended) <= RELEASED_AT_ONCE
        found += step.ready
    return found


def test_a_pause_moves_no_message_and_holds_all(gate: Gate, moves: list[int]) -> None:
    state(gate, CampaignState.PAUSED)
    assert moves == []
    assert [each.campaign for each in released(gate, LATER_NS)] == ["other"]
    assert gate.held("may").total == COUNT


def test_a_resume_moves_few_messages_at_a_time_and_keeps_their_order(gate: Gate, moves: list[int]) -> None:
    state(gate, CampaignState.PAUSED)
    released(gate, LATER_NS)
    state(gate, CampaignState.RUNNING)
    assert moves == []
    first = gate.release(LATER_NS)
    assert moves == list(range(1, RELEASED_AT_ONCE + 1))
    found = [*first.ready, *released(gate, LATER_NS)]
    assert [each.message_id for each in found] == list(range(1, COUNT + 1))
    assert (gate.held_messages, gate.next_ns()) == (0, None)


def test_a_cancel_ends_all_messages_of_the_campaign_in_steps(gate: Gate, moves: list[int]) -> None:
    state(gate, CampaignState.CANCELLED)
    assert moves == []
    ended: list[tuple[int, State, str]] = []
    while gate.next_ns() == 0 or gate.holds_any_of("may"):
        step = gate.release(0)
        assert len(step.ended) <= RELEASED_AT_ONCE
        ended += [(each.message_id, state, reason) for each, state, reason in step.ended]
    assert ended == [(number, State.FAILED, CANCELLED) for number in range(1, COUNT + 1)]
    assert gate.held_messages == 1


def test_an_opt_out_reviews_few_messages_at_a_time(gate: Gate, moves: list[int]) -> None:
    gate.opt_outs.add(message(COUNT).to)
    gate.end_opted_out()
    assert moves == []
    ended: list[int] = []
    while gate.next_ns() == 0:
        before = len(moves)
        ended += [each.message_id for each, _, _ in gate.release(0).ended]
        assert len(moves) - before <= RELEASED_AT_ONCE
    assert ended == [COUNT]


def test_the_same_state_again_places_nothing_again(gate: Gate) -> None:
    state(gate, CampaignState.RUNNING)
    assert gate.next_ns() == DUE_NS


def test_a_campaign_does_not_count_its_held_second_messages_and_its_controls_apply_to_them() -> None:
    """Second messages are no messages of the customer; the campaign's other figures do not have them."""
    gate = open_gate()
    otp = replace(message(1, not_before_ns=LATER_NS), lane=Lane.OTP)
    second = replace(message(2, not_before_ns=DUE_NS), lane=Lane.OTP, key="k-9~2")
    over = replace(message(3, not_before_ns=FOREVER), lane=Lane.OTP, key="k-8~2")
    gate.hold(0, [otp, second, over])
    assert (gate.held("may").total, gate.held_messages) == (1, 3)
    assert gate.next_released("may") == otp
    state(gate, CampaignState.PAUSED)
    gate.release(DUE_NS)
    assert gate.held("may").total == 1
    state(gate, CampaignState.CANCELLED)
    assert [each for each, _, reason in gate.release(DUE_NS).ended if reason == CANCELLED] == [
        otp,
        second,
        over,
    ]
    assert (gate.held("may").total, gate.holds_any_of("may")) == (0, False)


def test_a_campaign_whose_only_held_message_is_a_second_one_holds_none() -> None:
    gate = open_gate(PolicySettings.model_validate({"spending": {"cost_per_segment": 1.0}}))
    gate.hold(0, [replace(message(2, not_before_ns=FOREVER), lane=Lane.OTP, key="k-8~2")])
    gate.change(0, Campaign("may", CampaignState.PAUSED, 0))
    assert (gate.held("may"), gate.holds_any_of("may")) == (HeldCounts(0, 0), True)
    assert gate.spending_state(0).campaigns[0].over_limit == 0
    assert why_campaign_held(gate, 0, "may") is None
