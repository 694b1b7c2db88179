"""Held messages of a node, in virtual time: schedules, quiet hours, campaign controls, opt-outs, limits."""

from __future__ import annotations

from held_world import HeldWorld
from nanoseconds import LATER, S

from reference_sender.dispatch import DispatchSettings
from reference_sender.dispatch.values import Lane, Outcome
from reference_sender.policy.campaigns import CampaignChange, CampaignState
from reference_sender.policy.settings import PolicySettings

HOUR = 3600 * S
# 1970-01-01 was a Thursday; Warsaw was one hour ahead of UTC.
OPENS, CLOSES = 7 * HOUR, 19 * HOUR
PRICED = PolicySettings.model_validate({"spending": {"cost_per_segment": 1.0}})


def ids(world: HeldWorld) -> list[int]:
    return [number for _, number in world.sent]


def states(world: HeldWorld) -> list[tuple[str, str]]:
    return [(each.state.value, each.reason) for _, each in sorted(world.records().items())]


def test_a_scheduled_message_goes_at_its_time() -> None:
    world = HeldWorld()
    world.take(world.message(not_before_ns=5 * S), world.message())
    assert ids(world) == [2]
    assert (world.node.state(world.now_ns).held, world.node.state(world.now_ns).open) == (1, 2)
    world.pass_time(5 * S - 1)
    assert ids(world) == [2]
    world.pass_time(9 * S)
    assert world.sent[1:] == [(5 * S, 1)]


def test_a_schedule_survives_a_restart() -> None:
    world = HeldWorld()
    world.take(world.message(not_before_ns=5 * S))
    world.start()
    assert world.node.state(world.now_ns).held == 1
    world.pass_time(5 * S)
    assert world.sent == [(5 * S, 1)]


def test_a_message_in_quiet_hours_waits_for_the_opening_and_another_does_not() -> None:
    world = HeldWorld()
    world.take(world.message(keeps_hours=True), world.message(Lane.OTP))
    world.take(world.message(keeps_hours=True, to="306912345678"))
    assert ids(world) == [2, 3]
    world.pass_time(OPENS)
    assert world.sent[2:] == [(OPENS, 1)]


def test_what_waits_in_a_lane_is_held_when_the_hours_end_and_goes_the_next_day() -> None:
    world = HeldWorld()
    world.pass_time(CLOSES - S)
    world.take(world.message(keeps_hours=True), world.message())
    world.answer(Outcome.ROUTE_DOWN)  # the route pauses for a minute
    world.pass_time(CLOSES - 1)
    assert world.node.state(world.now_ns).queue_marketing == 2
    world.pass_time(CLOSES)
    state = world.node.state(world.now_ns)
    assert (state.queue_marketing, state.held, state.totals["expired"]) == (1, 1, 0)
    world.pass_time(CLOSES + 12 * HOUR)
    assert [(at, n) for at, n in world.sent if n == 1][1:] == [(OPENS + 24 * HOUR, 1)]
    assert [at < CLOSES + 2 * 60 * S for at, n in world.sent if n == 2] == [True, True]


def test_a_retry_that_would_come_in_quiet_hours_waits_for_the_opening() -> None:
    world = HeldWorld()
    world.pass_time(CLOSES - S)
    world.take(world.message(keeps_hours=True))
    world.answer(Outcome.DEFERRED)  # for a minute
    world.pass_time(CLOSES + 12 * HOUR)
    assert world.sent == [(CLOSES - S, 1), (OPENS + 24 * HOUR, 1)]


def test_an_attempt_refused_after_the_hours_ended_is_held() -> None:
    world = HeldWorld()
    world.pass_time(CLOSES - S)
    world.take(world.message(keeps_hours=True))
    world.pass_time(CLOSES + S)
    world.answer(Outcome.THROTTLED)
    assert world.node.state(world.now_ns).held == 1
    world.pass_time(CLOSES + 12 * HOUR)
    assert world.sent[1:] == [(OPENS + 24 * HOUR, 1)]


def test_a_pause_holds_what_waits_and_what_comes_and_a_resume_sends_it() -> None:
    world = HeldWorld()
    world.take(world.message())
    world.answer(Outcome.ROUTE_DOWN)
    world.set_state(CampaignState.PAUSED)
    world.take(world.message(), world.message(campaign="june"))
    world.pass_time(100 * S)
    assert ids(world) == [1, 3]
    assert world.node.gate.held("may").total == 2
    world.set_state(CampaignState.RUNNING)
    world.pass_time(100 * S)
    assert ids(world) == [1, 3, 1, 2]


def test_a_pause_survives_a_restart() -> None:
    world = HeldWorld()
    world.set_state(CampaignState.PAUSED)
    world.take(world.message())
    world.start()
    world.take(world.message())
    world.pass_time(100 * S)
    assert world.sent == []
    world.set_state(CampaignState.RUNNING)
    world.pass_time(101 * S)
    assert ids(world) == [1, 2]


def test_a_message_in_flight_continues_in_a_paused_campaign_until_it_is_refused() -> None:
    world = HeldWorld()
    world.take(world.message())
    world.set_state(CampaignState.PAUSED)
    world.answer(Outcome.THROTTLED)
    world.pass_time(1000 * S)
    assert (ids(world), world.node.state(world.now_ns).held) == ([1], 1)
    world.set_state(CampaignState.RUNNING)
    world.pass_time(1001 * S)
    world.answer()
    assert states(world) == [("sent", "")]


def test_a_message_without_an_answer_is_repeated_in_a_paused_campaign() -> None:
    world = HeldWorld()
    world.take(world.message())
    world.set_state(CampaignState.PAUSED)
    world.answer(Outcome.UNKNOWN)
    world.pass_time(100 * S)
    assert ids(world) == [1, 1], "only the provider can tell whether it has the message"


def test_a_cancelled_campaign_ends_what_waits_and_what_is_held() -> None:
    world = HeldWorld()
    world.take(world.message(), world.message(not_before_ns=HOUR), world.message(campaign="june"))
    world.take(world.message())
    world.answer(Outcome.ROUTE_DOWN)
    world.set_state(CampaignState.CANCELLED)
    world.pass_time(2 * HOUR)
    world.answer()
    failed = ("failed", "cancelled")
    assert states(world) == [failed, failed, ("sent", ""), failed]
    assert world.node.state(world.now_ns).totals["failed"] == 3
    assert world.node.state(world.now_ns).open == 1


def test_a_cancelled_campaign_lets_what_is_in_flight_continue() -> None:
    world = HeldWorld()
    world.take(world.message())
    world.set_state(CampaignState.CANCELLED)
    world.answer()
    assert states(world) == [("sent", "")]


def test_a_cancel_that_was_cut_off_is_completed_by_the_next_start() -> None:
    world = HeldWorld()
    world.take(*[world.message(not_before_ns=HOUR) for _ in range(3)])
    world.node.change_campaign(0, CampaignChange("may", CampaignState.CANCELLED), None)
    commit = world.node.begin_commit(0)
    assert commit.work is not None
    world.store.commit(commit.work)
    world.start()
    world.pass_time(1)
    assert states(world) == [("failed", "cancelled")] * 3


def test_an_opt_out_ends_waiting_marketing_to_the_number_and_nothing_else() -> None:
    world = HeldWorld()
    world.take(world.message(), world.message(Lane.OTP), world.message(to="48500100299"))
    world.answer(Outcome.ROUTE_DOWN)
    world.take(world.message(not_before_ns=HOUR))
    world.opt_out("48500100200")
    world.pass_time(2 * HOUR)
    world.answer()
    failed = ("failed", "opted_out")
    assert states(world) == [failed, ("sent", ""), ("sent", ""), failed]


def test_an_opt_out_survives_a_restart() -> None:
    world = HeldWorld()
    world.take(world.message(not_before_ns=HOUR))
    world.opt_out("48500100299")
    world.start()
    assert world.node.gate.opt_outs.refuse("48500100299", Lane.MARKETING)
    assert not world.node.gate.opt_outs.refuse("48500100299", Lane.OTP)


def test_a_campaign_over_its_limit_is_held_until_the_limit_is_raised() -> None:
    world = HeldWorld(PRICED)
    world.set_state(CampaignState.RUNNING, limit=2_500_000)
    world.take(*[world.message() for _ in range(4)])
    assert ids(world) == [1, 2]
    held = world.node.gate.held("may")
    assert (held.total, held.over_limit) == (2, 2)
    world.start()
    assert (ids(world)[:2], world.store.spent("may")) == ([1, 2], 2_000_000)
    held = world.node.gate.held("may")
    assert (held.total, held.over_limit) == (2, 2)
    world.set_state(CampaignState.RUNNING, limit=3_000_000)
    world.pass_time(1)
    assert (ids(world)[-1], world.node.gate.held("may").over_limit) == (3, 1)
    assert world.store.spent("may") == 3_000_000
    world.start()
    assert (world.node.gate.held("may").over_limit, world.store.spent("may")) == (1, 3_000_000)


def test_a_held_message_expires() -> None:
    world = HeldWorld()
    world.set_state(CampaignState.PAUSED)
    world.take(world.message(valid_ns=5 * S))
    world.pass_time(5 * S)
    assert states(world) == [("expired", "expired")]
    assert world.node.state(world.now_ns).totals["expired"] == 1


def test_a_long_list_is_released_in_steps() -> None:
    world = HeldWorld()
    world.take(*[world.message(not_before_ns=S) for _ in range(1_200)])
    world.now_ns = S
    world.node.advance(S)
    assert world.node.state(world.now_ns).held == 700
    assert world.node.next_deadline() == S
    world.pass_time(S)
    assert world.node.state(world.now_ns).held == 0


def test_a_pause_during_a_commit_holds_its_messages() -> None:
    world = HeldWorld()
    node = world.node
    node.take(world.message(), "client")
    commit = node.begin_commit(0)
    node.change_campaign(0, CampaignChange("may", CampaignState.PAUSED), "owner")
    assert commit.work is not None
    world.store.commit(commit.work)
    effects = node.committed(0, {})
    assert [type(each).__name__ for each in effects] == ["Acknowledge"]
    assert (node.state(LATER).held, node.state(LATER).queue_marketing) == (1, 0)


def test_messages_of_a_campaign_that_is_cancelled_while_they_are_read_end_unsent() -> None:
    world = HeldWorld()
    world.set_state(CampaignState.PAUSED)
    world.take(*(world.message() for _ in range(4)))
    world.start(page=1)
    world.set_state(CampaignState.CANCELLED)
    while world.unread:
        world.read_on()
    world.pass_time(S)
    assert states(world) == [("failed", "cancelled")] * 4
    assert ids(world) == []


def test_messages_that_are_not_read_yet_take_room() -> None:
    world = HeldWorld()
    most = DispatchSettings().max_backlog
    world.set_state(CampaignState.PAUSED)
    world.take(*(world.message() for _ in range(3)))
    world.start(page=1)
    assert world.unread == 2
    assert world.node.has_room(most - 3, Lane.OTP)
    assert not world.node.has_room(most - 2, Lane.OTP)


def test_a_clock_set_back_before_a_start_does_not_lengthen_the_validity_of_a_held_message() -> None:
    world = HeldWorld()
    world.pass_time(5 * HOUR)
    world.set_state(CampaignState.PAUSED)
    world.take(world.message(valid_ns=HOUR), world.message(valid_ns=HOUR, not_before_ns=6 * HOUR))
    world.now_ns = 2 * HOUR
    world.start()
    world.pass_time(3 * HOUR + S)
    assert states(world) == [("expired", "expired"), ("queued", "")], "one hour after the start"
    world.set_state(CampaignState.RUNNING)
    world.pass_time(6 * HOUR)
    assert world.sent == [], "the other one is past its expiry at its time"
    assert states(world)[1] == ("expired", "expired")


def test_a_schedule_is_of_the_wall_clock_also_after_it_was_set() -> None:
    world = HeldWorld()
    world.pass_time(5 * HOUR)
    world.take(world.message(valid_ns=9 * HOUR, not_before_ns=6 * HOUR))
    world.now_ns = 2 * HOUR
    world.start()
    world.pass_time(6 * HOUR - 1)
    assert ids(world) == []
    world.pass_time(6 * HOUR)
    assert world.sent == [(6 * HOUR, 1)]
    world.take(world.message(valid_ns=9 * HOUR, not_before_ns=8 * HOUR))
    world.now_ns = 9 * HOUR
    world.start()
    assert ids(world) == [1, 1, 2], "set forward: it is due; the first one has no answer and is repeated"
