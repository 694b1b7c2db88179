import time

import pytest

from mock_provider.runtime.wall_clock import WallClock

HOUR_NS = 3_600_000_000_000


class Clocks:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall_ns, self.monotonic_ns = 1_800_000_000_000_000_000, 5
        monkeypatch.setattr(time, "time_ns", lambda: self.wall_ns)
        monkeypatch.setattr(time, "monotonic_ns", lambda: self.monotonic_ns)

    def pass_by(self, ns: int) -> None:
        self.wall_ns += ns
        self.monotonic_ns += ns


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def test_time_that_passes_moves_nothing(clocks: Clocks) -> None:
    clock = WallClock()
    clocks.pass_by(HOUR_NS)
    assert clock.measure() == 0
    assert clocks.monotonic_ns + clock.offset_ns == clocks.wall_ns


def test_a_step_is_seen_once_either_way(clocks: Clocks) -> None:
    clock = WallClock()
    for step_ns in (HOUR_NS, -2 * HOUR_NS):
        clocks.wall_ns += step_ns
        assert (clock.measure(), clock.measure()) == (step_ns, 0)
        assert clocks.monotonic_ns + clock.offset_ns == clocks.wall_ns


def test_small_corrections_add_up(clocks: Clocks) -> None:
    clock = WallClock()
    moved = []
    for _ in range(100):  # 500 ppm, as NTP does at most
        clocks.pass_by(1_000_000_000)
        clocks.wall_ns += 500_000
        moved.append(clock.measure())
    assert moved[:99] == [0] * 99
    assert moved[99] == 50_000_000
