"""Nothing is purged early because the wall clock was set: neither by its date nor by the process's clock."""

from __future__ import annotations

import random

import pytest
from nanoseconds import S

from reference_sender.policy.wall_offset import WallOffset
from reference_sender.runtime.purging import purged_before_ns

DAY = 86_400 * S
KEEP = 14 * DAY
STARTED = 1_000 * DAY


def test_the_limit_is_by_the_wall_clock_if_it_was_not_set() -> None:
    assert purged_before_ns(STARTED, KEEP, WallOffset()) == STARTED - KEEP


def test_what_ended_before_a_step_forward_stays_as_long_as_without_it() -> None:
    wall = WallOffset()
    wall.set(STARTED + 60 * S, 15 * DAY)
    assert purged_before_ns(STARTED + 120 * S, KEEP, wall) == STARTED + 120 * S - KEEP
    wall.set(STARTED + 180 * S, 0)
    assert purged_before_ns(STARTED + 240 * S, KEEP, wall) == STARTED + 240 * S - KEEP


def test_what_ended_during_a_step_back_stays_although_its_date_is_older() -> None:
    wall = WallOffset()
    wall.set(STARTED, -15 * DAY)
    wall.set(STARTED + 60 * S, 0)
    dated_ns = STARTED + 30 * S - 15 * DAY
    assert purged_before_ns(STARTED + 30 * S + KEEP - 1, KEEP, wall) < dated_ns
    # The step back is over for as long as messages are kept: the limit is that of the wall clock again.
    later_ns = STARTED + 60 * S + KEEP
    assert purged_before_ns(later_ns, KEEP, wall) == later_ns - KEEP


@pytest.mark.parametrize("seed", range(20))
def test_nothing_that_ended_less_long_ago_is_purged_however_often_the_wall_clock_was_set(seed: int) -> None:
    drawn = random.Random(seed)
    wall, now_ns = WallOffset(), STARTED
    ended: list[tuple[int, int]] = []  # on the process's clock, and the date in the store
    for _ in range(300):
        now_ns += drawn.randrange(1, DAY)
        ended.append((now_ns, now_ns + wall.ahead_ns))
        if drawn.random() < 0.7:
            wall.set(now_ns, drawn.randrange(-400 * DAY, 400 * DAY))
        before_ns = purged_before_ns(now_ns, KEEP, wall)
        young = [dated_ns for at_ns, dated_ns in ended if at_ns > now_ns - KEEP]
        assert before_ns <= min(young)
        assert before_ns <= now_ns + wall.ahead_ns - KEEP
