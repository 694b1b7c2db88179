"""The driver gets steps of the wall clock, and not NTP's small corrections."""

from __future__ import annotations

import asyncio

from nanoseconds import S

from reference_sender.runtime.background import BackgroundTasks
from reference_sender.runtime.wall_watch import STEP_NS, WallWatch


def steps_seen(*looks_ns: int) -> list[int]:
    """What the driver gets, if the wall clock is ahead by these at one look after the other."""
    steps_ns: list[int] = []

    async def steps() -> None:
        watch = WallWatch(steps_ns.append, BackgroundTasks())
        for ahead_ns in looks_ns:
            watch.check(ahead_ns)
        watch.stop()

    asyncio.run(steps())
    return steps_ns


def test_a_step_is_passed_on_once() -> None:
    assert steps_seen(3600 * S, 3600 * S, 3600 * S + STEP_NS - 1) == [3600 * S]
    assert steps_seen(-60 * S, 0) == [-60 * S, 0]


def test_small_corrections_are_passed_on_when_they_add_up() -> None:
    looks = [step * STEP_NS // 4 for step in range(9)]
    assert steps_seen(*looks) == [STEP_NS, 2 * STEP_NS]
    assert steps_seen(STEP_NS - 1, 0, 1 - STEP_NS) == []
