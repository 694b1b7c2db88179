from __future__ import annotations

from nanoseconds import S

from reference_sender.dispatch.breaker import Breaker, BreakerState


def breaker() -> Breaker:
    return Breaker(failures=3, open_ns=S, cap_ns=4 * S, seed=1, name="a")


def test_only_failures_in_a_row_open_it() -> None:
    made = breaker()
    for now_ns in range(10):
        made.failed(now_ns)
        made.failed(now_ns)
        made.succeeded()
    assert made.check(10) is BreakerState.CLOSED
    for _ in range(3):
        made.failed(11)
    assert made.check(11) is BreakerState.OPEN


def test_an_open_breaker_waits_its_time_and_then_probes_once() -> None:
    made = breaker()
    for _ in range(3):
        made.failed(0)
    assert S // 2 <= made.until_ns <= S
    assert made.check(made.until_ns - 1) is BreakerState.OPEN
    assert made.check(made.until_ns) is BreakerState.HALF_OPEN
    made.succeeded()
    assert made.check(made.until_ns) is BreakerState.CLOSED


def test_waits_double_while_probes_fail_up_to_the_cap() -> None:
    made = breaker()
    now_ns = 0
    for _ in range(2):
        made.failed(now_ns)
    waits = []
    for _ in range(6):
        made.failed(now_ns)
        waits.append(made.until_ns - now_ns)
        now_ns = made.until_ns
        made.check(now_ns)
    for wait_ns, ceiling_s in zip(waits, [1, 2, 4, 4, 4, 4], strict=True):
        assert ceiling_s * S // 2 <= wait_ns <= ceiling_s * S


def test_answers_to_what_was_in_flight_do_not_lengthen_the_wait() -> None:
    made = breaker()
    for _ in range(3):
        made.failed(0)
    until_ns = made.until_ns
    made.failed(until_ns // 2)
    assert made.until_ns == until_ns
    assert made.opened == 1
