"""The wall clock is set while a node runs: schedules, quiet hours and days follow it, intervals do not."""

from __future__ import annotations

import pytest
from held_world import HeldWorld
from nanoseconds import S

from reference_sender.dispatch.values import Lane, Outcome, Report, State
from reference_sender.policy.campaigns import CampaignState
from reference_sender.policy.settings import PolicySettings

HOUR = 3600 * S
# 1970-01-01 was a Thursday; Warsaw was one hour ahead of UTC.
OPENS, CLOSES = 7 * HOUR, 19 * HOUR
LIMITED = PolicySettings.model_validate({"spending": {"cost_per_segment": 1.0, "daily_limit": 2.0}})


def states(world: HeldWorld) -> list[str]:
    return [each.state.value for _, each in sorted(world.records().items())]


def test_a_schedule_comes_earlier_if_the_wall_clock_is_set_forward() -> None:
    world = HeldWorld()
    world.take(world.message(not_before_ns=3 * HOUR), world.message(not_before_ns=9 * HOUR))
    world.pass_time(HOUR)
    world.set_wall(2 * HOUR - S)
    assert world.sent == []
    world.pass_time(HOUR + S)
    assert world.sent == [(HOUR + S, 1)]
    world.set_wall(6 * HOUR)
    assert world.sent[1:] == [(HOUR + S, 2)]


def test_a_schedule_comes_later_if_the_wall_clock_is_set_back_and_its_validity_begins_then() -> None:
    world = HeldWorld()
    world.take(world.message(not_before_ns=3 * HOUR, valid_ns=3 * HOUR + 60 * S))
    world.pass_time(HOUR)
    world.set_wall(-2 * HOUR)
    world.pass_time(5 * HOUR - 1)
    assert (world.sent, states(world)) == ([], ["queued"])
    world.pass_time(5 * HOUR)
    assert world.sent == [(5 * HOUR, 1)]


def test_a_scheduled_message_that_waits_in_a_lane_is_held_again_if_the_wall_clock_is_set_back() -> None:
    world = HeldWorld()
    for _ in range(64):  # as many requests as the route may have without an answer
        world.take(world.message())
    world.take(world.message(not_before_ns=HOUR, valid_ns=HOUR + 60 * S), world.message())
    world.pass_time(HOUR + S)
    assert world.node.state(world.now_ns).held == 0
    world.set_wall(-10 * S)
    assert world.node.state(world.now_ns).held == 1
    world.answer()
    assert [number for _, number in world.sent[64:]] == [66]
    world.pass_time(HOUR + 10 * S)
    assert world.sent[65:] == [(HOUR + 10 * S, 65)]


def test_quiet_hours_are_of_the_wall_clock() -> None:
    world = HeldWorld()
    world.take(world.message(keeps_hours=True))
    world.pass_time(HOUR)
    world.set_wall(OPENS - 2 * HOUR)
    world.pass_time(2 * HOUR - 1)
    assert world.sent == []
    world.pass_time(2 * HOUR)
    assert world.sent == [(2 * HOUR, 1)]


def test_what_waits_in_a_lane_is_held_if_the_hours_are_over_by_the_new_time() -> None:
    world = HeldWorld()
    world.pass_time(OPENS)
    world.take(world.message(keeps_hours=True))
    world.answer(Outcome.ROUTE_DOWN)  # the route pauses for a minute
    world.set_wall(CLOSES - OPENS)
    assert world.node.state(world.now_ns).held == 1
    world.pass_time(OPENS + 12 * HOUR - 1)
    assert len(world.sent) == 1
    world.pass_time(OPENS + 12 * HOUR)
    assert world.sent[1:] == [(OPENS + 12 * HOUR, 1)]


def test_hours_that_were_about_to_end_continue_if_the_wall_clock_is_set_back() -> None:
    world = HeldWorld()
    world.pass_time(CLOSES - S)
    world.take(world.message(keeps_hours=True))
    world.answer(Outcome.ROUTE_DOWN)
    world.set_wall(-HOUR)
    world.pass_time(CLOSES + 120 * S)
    assert CLOSES < world.sent[-1][0] < CLOSES + 120 * S


def test_the_day_of_spending_is_that_of_the_wall_clock() -> None:
    world = HeldWorld(LIMITED)
    world.take(*[world.message() for _ in range(3)])
    world.pass_time(20 * HOUR)
    assert len(world.sent) == 2
    world.set_wall(3 * HOUR)
    world.take(world.message())
    world.pass_time(21 * HOUR - 1)
    assert (len(world.sent), world.node.gate.spending_state(world.now_ns).day) == (2, 0)
    world.pass_time(21 * HOUR)
    assert world.sent[2:] == [(21 * HOUR, 3), (21 * HOUR, 4)]
    assert world.node.gate.spending_state(world.now_ns).day == 1
    assert world.disk.spent == {("may", 0): 2_000_000, ("may", 1): 2_000_000}


def test_a_cancel_after_a_step_returns_to_the_day_of_the_reservation() -> None:
    world = HeldWorld(LIMITED)
    world.pass_time(20 * HOUR)
    world.set_state(CampaignState.PAUSED)
    world.take(world.message())
    world.pass_time(20 * HOUR + S)
    world.set_wall(6 * HOUR)
    world.take(world.message())
    assert world.disk.spent == {("may", 0): 1_000_000, ("may", 1): 1_000_000}
    world.set_state(CampaignState.CANCELLED)
    world.pass_time(21 * HOUR)
    assert world.disk.spent == {("may", 0): 0, ("may", 1): 0}


@pytest.mark.parametrize("step_ns", [2 * HOUR, -2 * HOUR])
def test_the_validity_of_a_message_without_a_schedule_is_an_interval(step_ns: int) -> None:
    world = HeldWorld()
    world.pass_time(5 * HOUR)
    world.set_state(CampaignState.PAUSED)
    world.take(world.message(valid_ns=HOUR))
    world.set_wall(step_ns)
    world.take(world.message(valid_ns=HOUR))
    world.pass_time(6 * HOUR - 1)
    assert states(world) == ["queued", "queued"]
    world.pass_time(6 * HOUR)
    assert states(world) == ["expired", "expired"]


@pytest.mark.parametrize("step_ns", [2 * HOUR, -2 * HOUR])
def test_a_message_accepted_after_a_step_is_as_old_after_a_restart_as_before(step_ns: int) -> None:
    world = HeldWorld()
    world.pass_time(5 * HOUR)
    world.set_state(CampaignState.PAUSED)
    world.set_wall(step_ns)
    world.take(world.message(valid_ns=HOUR))
    world.pass_time(5 * HOUR + HOUR // 2)
    record = world.records()[1]
    assert record.message.created_ns == 5 * HOUR + step_ns, "stored by the wall clock"
    world.start()
    world.pass_time(6 * HOUR + step_ns - 1)
    assert states(world) == ["queued"]
    world.pass_time(6 * HOUR + step_ns)
    assert states(world) == ["expired"]


@pytest.mark.parametrize("step_ns", [2 * HOUR, -2 * HOUR])
def test_a_step_during_a_commit_counts_for_its_messages(step_ns: int) -> None:
    world = HeldWorld()
    world.pass_time(5 * HOUR)
    at_ns = world.now_ns + 3 * HOUR
    before = world.message(not_before_ns=at_ns, valid_ns=3 * HOUR + 60 * S)
    world.node.take(before, "client")
    commit = world.node.begin_commit(world.now_ns)
    waits = world.message(not_before_ns=at_ns, valid_ns=3 * HOUR + 60 * S)
    world.node.take(waits, "client")
    world.now_ns += 1
    world.set_wall(step_ns)
    assert commit.work is not None
    world.act(world.node.committed(world.now_ns, world.store.commit(commit.work)))
    world.pass_time(at_ns - step_ns - 1)
    assert (world.sent, states(world)) == ([], ["queued", "queued"])
    world.pass_time(at_ns - step_ns)
    assert world.sent == [(at_ns - step_ns, 1), (at_ns - step_ns, 2)]


def test_durations_of_a_scheduled_message_count_from_its_schedule_also_after_a_step() -> None:
    world = HeldWorld()
    world.set_wall(2 * HOUR)
    world.take(world.message(Lane.OTP, not_before_ns=3 * HOUR))
    world.pass_time(HOUR)
    world.answer()
    assert world.sent == [(HOUR, 1)]
    assert world.node.state(world.now_ns).classes[0].handover.sum_s == 0.0


def test_a_message_in_flight_is_held_when_it_is_refused_if_the_hours_are_over_by_the_new_time() -> None:
    world = HeldWorld()
    world.pass_time(OPENS)
    world.take(world.message(keeps_hours=True))
    world.set_wall(CLOSES - OPENS)
    world.answer(Outcome.DEFERRED)
    assert world.node.state(world.now_ns).held == 1
    world.pass_time(OPENS + 12 * HOUR - 1)
    assert len(world.sent) == 1
    world.pass_time(OPENS + 12 * HOUR)
    assert world.sent[1:] == [(OPENS + 12 * HOUR, 1)]


def test_a_message_in_flight_waits_for_its_schedule_when_it_is_refused_after_a_step_back() -> None:
    world = HeldWorld()
    world.take(world.message(not_before_ns=HOUR))
    world.pass_time(HOUR)
    world.set_wall(-2 * HOUR)
    world.answer(Outcome.DEFERRED)
    world.pass_time(3 * HOUR - 1)
    assert len(world.sent) == 1
    world.pass_time(3 * HOUR)
    assert world.sent[1:] == [(3 * HOUR, 1)]


def test_a_message_in_flight_is_retried_as_before_if_two_steps_cancel_out() -> None:
    world = HeldWorld()
    world.pass_time(OPENS)
    world.take(world.message(keeps_hours=True))
    world.set_wall(CLOSES - OPENS)
    world.set_wall(OPENS - CLOSES)
    world.answer(Outcome.DEFERRED)
    world.pass_time(OPENS + 120 * S)
    assert world.sent[1:] == [(OPENS + 60 * S, 1)]


def test_a_request_that_waits_for_its_commit_is_not_sent_in_the_quiet_hours_of_the_new_time() -> None:
    world = HeldWorld()
    world.pass_time(OPENS)
    world.take(world.message(keeps_hours=True))
    world.answer(Outcome.ROUTE_DOWN)  # the route pauses for a minute
    world.now_ns += 60 * S
    assert world.node.advance(world.now_ns) == []
    commit = world.node.begin_commit(world.now_ns)
    assert commit.work is not None and len(commit.work.attempts) == 1
    world.node.wall_set(world.now_ns, CLOSES - OPENS)
    world.store.commit(commit.work)
    world.act(world.node.committed(world.now_ns, {}))
    assert (len(world.sent), world.node.state(world.now_ns).held) == (1, 1)


@pytest.mark.parametrize("keeps_hours", [False, True])
@pytest.mark.parametrize(("step_ns", "ends_ns"), [(HOUR, 2 * HOUR), (-HOUR, 3 * HOUR)])
def test_a_validity_that_has_begun_is_an_interval_unless_it_begins_again(
    step_ns: int, ends_ns: int, keeps_hours: bool
) -> None:
    world = HeldWorld()
    world.pass_time(OPENS)
    begins_ns = OPENS + 3 * HOUR
    world.take(world.message(keeps_hours=keeps_hours, not_before_ns=begins_ns, valid_ns=5 * HOUR))
    world.pass_time(begins_ns + HOUR // 2)
    world.answer(Outcome.ROUTE_DOWN)  # the route pauses for a minute
    world.set_wall(step_ns)
    while states(world) == ["queued"]:
        world.answer(Outcome.ROUTE_DOWN)
        world.pass_time(world.now_ns + 10 * S)
    assert begins_ns + ends_ns <= world.now_ns <= begins_ns + ends_ns + 10 * S


def test_a_validity_that_has_begun_is_an_interval_also_while_the_message_is_held() -> None:
    world = HeldWorld()
    world.take(world.message(not_before_ns=HOUR, valid_ns=3 * HOUR))
    world.set_state(CampaignState.PAUSED)
    world.pass_time(2 * HOUR)
    world.set_wall(HOUR)
    world.pass_time(3 * HOUR - 1)
    assert states(world) == ["queued"]
    world.pass_time(3 * HOUR)
    assert states(world) == ["expired"]


def test_the_delivery_time_of_an_uncertain_message_counts_from_its_schedule_also_after_a_step() -> None:
    world = HeldWorld()
    world.set_wall(2 * HOUR)
    world.take(world.message(Lane.OTP, not_before_ns=3 * HOUR, valid_ns=HOUR + 60 * S))
    world.pass_time(HOUR)
    while states(world) == ["queued"]:
        world.answer(Outcome.UNKNOWN)
        world.pass_time(world.now_ns + 10 * S)
    world.act(world.node.reported(world.now_ns, [Report("p", "k-1", State.DELIVERED, "")], None))
    assert states(world) == ["delivered"]
    assert world.node.state(world.now_ns).classes[0].delivery.sum_s == (world.now_ns - HOUR) / S


def test_the_validity_of_a_message_in_flight_begins_again_if_it_waits_for_its_schedule_again() -> None:
    world = HeldWorld()
    world.take(world.message(not_before_ns=HOUR, valid_ns=HOUR + 60 * S))
    world.pass_time(HOUR)
    world.set_wall(-2 * HOUR)
    world.answer(Outcome.THROTTLED)
    world.pass_time(3 * HOUR)
    assert world.sent[1:] == [(3 * HOUR, 1)]


@pytest.mark.parametrize("step_ns", [26 * HOUR, -10 * HOUR])
def test_a_cancel_of_messages_read_after_a_step_returns_to_the_day_of_the_reservation(step_ns: int) -> None:
    world = HeldWorld(LIMITED)
    world.pass_time(30 * HOUR)
    world.set_state(CampaignState.PAUSED)
    world.take(world.message(), world.message())
    world.pass_time(30 * HOUR + S)
    assert world.disk.spent == {("may", 1): 2_000_000}
    world.start(1)
    world.set_wall(step_ns)
    while world.unread:
        world.read_on()
    world.set_state(CampaignState.CANCELLED)
    world.pass_time(42 * HOUR)
    assert world.disk.spent == {("may", 1): 0}


def test_a_cancel_after_a_restart_with_an_earlier_wall_clock_returns_to_the_day_of_the_reservation() -> None:
    world = HeldWorld(LIMITED)
    world.pass_time(30 * HOUR)
    world.set_state(CampaignState.PAUSED)
    world.take(world.message(), world.message())
    world.wall_ahead_ns = -10 * HOUR
    world.start()
    world.set_state(CampaignState.CANCELLED)
    world.pass_time(42 * HOUR)
    assert world.disk.spent == {("may", 1): 0}


@pytest.mark.parametrize("restarts", [False, True])
def test_a_cancel_returns_to_the_day_on_which_the_commit_began(restarts: bool) -> None:
    world = HeldWorld(LIMITED)
    world.pass_time(24 * HOUR - S)
    world.set_state(CampaignState.PAUSED)
    created = world.message()
    world.now_ns += 2 * S  # the previous commit took that long
    world.take(created)
    assert world.disk.spent == {("may", 1): 1_000_000}
    if restarts:
        world.start()
    world.set_state(CampaignState.CANCELLED)
    world.pass_time(25 * HOUR)
    assert world.disk.spent == {("may", 1): 0}


@pytest.mark.parametrize("step_ns", [6 * HOUR, -6 * HOUR])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_cancel_returns_to_the_day_of_the_reservation_if_a_step_came_before_the_commit(
    step_ns: int, restarts: bool
) -> None:
    world = HeldWorld(LIMITED)
    world.pass_time((24 + 20) * HOUR if step_ns > 0 else (24 + 4) * HOUR)
    world.set_state(CampaignState.PAUSED)
    created = world.message()
    world.now_ns += S
    world.set_wall(step_ns)
    world.take(created)
    day = 2 if step_ns > 0 else 0
    assert world.disk.spent == {("may", day): 1_000_000}
    if restarts:
        world.start()
    world.set_state(CampaignState.CANCELLED)
    world.pass_time(world.now_ns + HOUR)
    assert world.disk.spent == {("may", day): 0}


def test_a_cancel_returns_no_more_to_a_day_than_is_reserved_on_it() -> None:
    world = HeldWorld(LIMITED)
    world.pass_time(30 * HOUR)
    world.set_state(CampaignState.PAUSED, limit=0)
    world.take(world.message())
    world.pass_time(30 * HOUR + S)
    world.set_wall(-10 * HOUR)
    world.set_state(CampaignState.PAUSED, limit=5_000_000)
    assert world.disk.spent == {("may", 0): 1_000_000}
    world.set_state(CampaignState.CANCELLED)
    world.pass_time(31 * HOUR)
    assert world.disk.spent == {("may", 0): 0}
