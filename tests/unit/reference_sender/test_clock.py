import time

import pytest

from reference_sender import clock

HOUR_NS = 3_600_000_000_000


@pytest.mark.parametrize("step_ns", [HOUR_NS, -HOUR_NS])
def test_the_sender_s_clock_continues_when_the_wall_clock_is_set(
    monkeypatch: pytest.MonkeyPatch, step_ns: int
) -> None:
    assert clock.wall_ahead_ns() == 0
    before_ns = clock.now_ns()
    true_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: true_ns() + step_ns)
    assert 0 <= clock.now_ns() - before_ns < HOUR_NS // 2
    assert abs(clock.wall_ahead_ns() - step_ns) < 1_000_000_000
    assert abs(clock.wall_ns() - time.time_ns()) < 30_000_000_000
