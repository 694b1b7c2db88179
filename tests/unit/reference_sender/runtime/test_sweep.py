"""How long messages stay beyond the limit of a purge, in virtual time, while new ones arrive."""

from __future__ import annotations

import pytest

from reference_sender.runtime.purging import STEP, Sweep
from reference_sender.store import Purged
from reference_sender.store.protocol import NODE_BITS

HOUR_S = 3600.0
STEP_S = 0.005  # how long a step takes


class MessagesOfNodes:
    """Messages of ``nodes`` in turn, ``rate`` per second. The first ``unfinished`` of each node stay, the
    others are final at once.
    """

    def __init__(self, rate: float, nodes: int = 1, unfinished: int = 0) -> None:
        self._rate = rate / nodes
        self._nodes = nodes
        self._unfinished = unfinished
        self._removed_to = [unfinished] * nodes  # the number of the last removed message of each node
        self.now_s = 0.0

    def overdue_s(self, keep_s: float) -> float:
        """For how long the oldest message is kept beyond ``keep_s``."""
        return max(0.0, self.now_s - keep_s - min(self._removed_to) / self._rate)

    def purge(self, before_s: float, after_id: int) -> Purged:
        room, count, last_id, is_young = STEP, 0, None, True
        last, old = int(self.now_s * self._rate), int(before_s * self._rate)
        for node in range(after_id >> NODE_BITS, self._nodes):
            number = (after_id & ((1 << NODE_BITS) - 1)) if node == after_id >> NODE_BITS else 0
            left = min(max(0, self._unfinished - number), room)
            room -= left
            begin = max(number + left, self._removed_to[node])
            end = min(begin + room, last)
            if left or begin < min(end, old):
                is_young = False
            if end > begin:
                # The slow pass may be ahead. What it removes there counts once the other passes reach it.
                gone = max(0, min(end, old) - begin) if begin == self._removed_to[node] else 0
                self._removed_to[node] += gone
                count += gone
                room -= end - begin
            last_id = (node << NODE_BITS) | max(end, number + left)
            if not room:
                return Purged(count, last_id, is_young)
        return Purged(count, None, is_young)


@pytest.mark.parametrize(
    ("rate", "nodes", "unfinished", "days"),
    [(300.0, 1, 0, 1.0), (300.0, 3, 1_000, 0.25), (8_000.0, 1, 0, 0.1), (8_000.0, 2, 10_000, 0.1)],
)
def test_messages_stay_at_most_a_minute_longer(rate: float, nodes: int, unfinished: int, days: float) -> None:
    keep_s = 24 * HOUR_S * days
    world, sweep, worst_s = MessagesOfNodes(rate, nodes, unfinished), Sweep(), 0.0
    while world.now_s < 2.5 * keep_s:
        before_s = sweep.before(int(1e9 * (world.now_s - keep_s))) / 1e9
        step = world.purge(before_s, sweep.after_id)
        world.now_s += STEP_S + sweep.stepped(step)
        worst_s = max(worst_s, world.overdue_s(keep_s))
    assert 0 < worst_s < 60.0


def test_the_limit_of_a_pass_does_not_rise_and_falls_with_the_wall_clock() -> None:
    sweep = Sweep()
    assert sweep.before(100) == 100
    sweep.stepped(Purged(STEP, STEP))
    assert [sweep.before(200), sweep.before(50), sweep.before(200)] == [100, 50, 50]
    sweep.stepped(Purged(0, None))
    assert sweep.before(300) == 300


def test_a_message_behind_young_ones_is_reached() -> None:
    """The wall clock was ahead while the first 100 steps' messages were created."""
    sweep, seen = Sweep(), set()
    for _ in range(2_000):
        after_id = sweep.after_id
        number = after_id // STEP
        seen.add(number)
        is_end = number >= 100
        sweep.stepped(Purged(0, None if is_end else after_id + STEP, is_young=not is_end))
    assert seen >= set(range(101))
