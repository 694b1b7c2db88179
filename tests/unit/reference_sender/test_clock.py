import time
from datetime import datetime

import pytest

from reference_sender import clock
from reference_sender.api.queries import shown
from reference_sender.dispatch.values import Lane, Message, State
from reference_sender.store import Record

HOUR_NS = 3_600_000_000_000


@pytest.mark.parametrize("step_ns", [HOUR_NS, -HOUR_NS])
def test_deadlines_stay_and_dates_follow_when_the_wall_clock_is_set(
    monkeypatch: pytest.MonkeyPatch, step_ns: int
) -> None:
    assert clock.wall_ahead_ns() == 0
    before_ns = clock.now_ns()
    message = Message(
        1, "k", "48500100200", "x", Lane.OTP, "Test", "", 1, before_ns, before_ns + 60_000_000_000
    )
    true_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: true_ns() + step_ns)
    assert 0 <= clock.now_ns() - before_ns < HOUR_NS // 2
    assert abs(clock.wall_ahead_ns() - step_ns) < 1_000_000_000
    answer = shown(Record(message, State.QUEUED, "", None, 0, before_ns))
    wall_s = time.time_ns() / 1e9
    for date in (answer.created_at, answer.changed_at):
        assert abs(datetime.fromisoformat(date).timestamp() - wall_s) < 30
    assert abs(datetime.fromisoformat(answer.expires_at).timestamp() - wall_s - 60) < 30
