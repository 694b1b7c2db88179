"""Late reports of messages that are no longer kept: the dashboard counts each message once."""

from __future__ import annotations

import pytest
from held_world import HeldWorld
from nanoseconds import S

from reference_sender.dispatch.values import Report, State

HOUR = 3600 * S


@pytest.mark.parametrize("step_ns", [0, HOUR, -HOUR])
@pytest.mark.parametrize("later_ns", [S, 2 * HOUR])
def test_a_late_report_after_a_step_of_the_wall_clock_counts_its_message_once(
    step_ns: int, later_ns: int
) -> None:
    world = HeldWorld(late_reports=2)
    world.pass_time(3 * HOUR)
    world.take(*(world.message() for _ in range(4)))
    world.answer()
    for number in (1, 2, 3, 4):
        world.pass_time(3 * HOUR + number * S)
        world.report(number, State.FAILED)
    world.set_wall(step_ns)
    world.pass_time(world.now_ns + later_ns)
    world.report(1, State.DELIVERED)
    total = world.campaigns.total
    assert (total.delivered, total.failed, total.messages) == (1, 3, 4)


def test_messages_that_end_after_a_step_back_count_once_too() -> None:
    world = HeldWorld(late_reports=2)
    world.pass_time(3 * HOUR)
    world.take(*(world.message() for _ in range(4)))
    world.answer()
    world.set_wall(-HOUR)
    for number in (1, 2, 3, 4):
        world.pass_time(world.now_ns + S)
        world.report(number, State.FAILED)
    for number in (1, 2):
        world.report(number, State.DELIVERED)
    total = world.campaigns.total
    assert (total.delivered, total.failed, total.messages) == (2, 2, 4)


@pytest.mark.parametrize("step_ns", [HOUR, -HOUR])
def test_messages_whose_ends_are_not_stored_yet_at_a_step_count_once(step_ns: int) -> None:
    world = HeldWorld(late_reports=2)
    world.pass_time(3 * HOUR)
    world.take(*(world.message() for _ in range(4)))
    world.answer()
    ends = [Report(f"p-k-{number}", f"k-{number}", State.FAILED, "") for number in (1, 2, 3, 4)]
    effects = world.node.reported(world.now_ns, ends, None)
    world.set_wall(step_ns)
    world.act(effects)
    world.report_all((1, 2, 3, 4), State.DELIVERED)
    total = world.campaigns.total
    assert (total.delivered, total.failed, total.messages) == (4, 0, 4)


def test_a_late_report_of_a_message_of_an_earlier_process_counts_it_once_more() -> None:
    """This process has not counted its end."""
    world = HeldWorld(late_reports=2)
    world.pass_time(HOUR)
    world.take(*(world.message() for _ in range(5)))
    world.answer()
    world.report(1, State.FAILED)
    world.pass_time(2 * HOUR)
    world.start()
    for number in (2, 3, 4, 5):
        world.pass_time(world.now_ns + S)
        world.report(number, State.FAILED)
    world.set_wall(HOUR)
    world.report(1, State.DELIVERED)
    total = world.campaigns.total
    assert (total.delivered, total.failed) == (1, 4)


@pytest.mark.parametrize("late_reports", [0, 1, 2])
def test_one_call_may_have_more_late_reports_than_messages_are_kept_for(late_reports: int) -> None:
    """Each of them is confirmed, so each of its messages is delivered in the store."""
    world = HeldWorld(late_reports=late_reports)
    world.pass_time(HOUR)
    world.take(*(world.message() for _ in range(5)))
    world.answer()
    for number in range(1, 6):
        world.report(number, State.FAILED)
    world.report_all((1, 2, 3, 4), State.DELIVERED)
    states = [world.records()[number].state for number in range(1, 6)]
    assert states == [State.DELIVERED] * 4 + [State.FAILED]
    total = world.campaigns.total
    assert (total.delivered, total.failed, total.messages) == (4, 1, 5)


def test_a_late_report_that_came_twice_counts_a_message_of_an_earlier_process_once() -> None:
    """The commit that finds the message has both: the provider repeated its call meanwhile."""
    world = HeldWorld()
    world.pass_time(HOUR)
    world.take(world.message())
    world.answer()
    world.report(1, State.EXPIRED)
    world.pass_time(2 * HOUR)
    world.start()
    for _ in range(2):
        world.node.reported(world.now_ns, [Report("p-k-1", "k-1", State.DELIVERED, "")], None)
    world.act([])
    total = world.campaigns.total
    assert (total.delivered, total.expired, total.messages) == (1, 0, 1)
