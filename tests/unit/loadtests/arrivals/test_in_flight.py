"""How many requests a load may have in flight."""

from __future__ import annotations

import numpy as np
import pytest
from nanoseconds import S

from loadtests.arrivals import Burst, Constant, Mix, Plan, Stream
from loadtests.arrivals.in_flight import FEWEST_IN_FLIGHT, in_flight_limit


@pytest.mark.parametrize(
    ("rate_per_s", "timeout_s", "expected"),
    [(10, 8.0, 101), (1, 8.0, FEWEST_IN_FLIGHT), (1_000, 30.0, 32_001)],
)
def test_the_in_flight_limit_is_the_arrivals_within_the_timeout(
    rate_per_s: int, timeout_s: float, expected: int
) -> None:
    due = np.arange(0, 100 * S, S // rate_per_s, dtype=np.int64)
    assert in_flight_limit(due, timeout_s) == expected


def test_the_densest_part_of_the_plan_decides() -> None:
    calm = Stream(Constant(2.0, 100.0), mix=Mix(otp=1.0))
    burst = Stream(Burst(500, 5.0), mix=Mix(marketing=1.0), start_s=40.0)
    plan = Plan(streams=(calm, burst), seed=1, key_tag="t").sized_for(3.0)
    assert plan.in_flight_limit == 511  # the burst, and what comes meanwhile in 5 s


def test_a_limit_that_was_given_stays() -> None:
    plan = Plan(streams=(Stream(Constant(2.0, 1.0)),), seed=1, key_tag="t", in_flight_limit=7)
    assert plan.sized_for(30.0).in_flight_limit == 7
