"""The score and the weights of routes, and the learned rate against the provider's engine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from messages import made_message
from msgspec.structs import replace
from nanoseconds import S

from loadtests.simulate.exchanges import exchange_of
from loadtests.simulate.world import World
from mock_provider.engine import Engine
from mock_provider.testing.virtual import TOKEN, plain_profile
from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.scoring import Purpose, ScoredRoute, score
from reference_sender.dispatch.values import Message, RouteLimits
from reference_sender.dispatch.weights import FAILURES, STEP, TOTAL, Weights

MINUTE = 60 * S
shares = st.floats(0.0, 1.0)
candidates = st.builds(
    ScoredRoute,
    price=st.floats(0.0, 10.0),
    delivery_s=st.floats(0.001, 10_000.0),
    delivery_rate=shares,
    health=shares,
    wait_s=st.floats(0.0, 10_000.0),
)
purposes = st.builds(Purpose, worth=st.floats(0.0, 100.0), deadline_s=st.floats(0.1, 10_000.0))


@given(candidates, purposes, st.floats(0.0, 1e5), st.floats(0.0, 1.0))
def test_the_score_is_monotone_in_every_term(
    route: ScoredRoute, purpose: Purpose, age_s: float, part: float
) -> None:
    at = score(route, purpose, age_s)
    worse: list[dict[str, Any]] = [
        {"price": route.price + part},
        {"delivery_s": route.delivery_s * (1 + part)},
        {"delivery_rate": route.delivery_rate * part},
        {"health": route.health * part},
        {"wait_s": route.wait_s + part},
    ]
    for change in worse:
        assert score(replace(route, **change), purpose, age_s) <= at + 1e-9, change
    assert score(route, replace(purpose, worth=purpose.worth + part), age_s) >= at - 1e-9
    assert score(route, replace(purpose, deadline_s=purpose.deadline_s + part), age_s) >= at - 1e-9
    assert score(route, purpose, age_s + part) <= at + 1e-9
    assert -route.price <= at <= purpose.worth - route.price + 1e-9


steps = st.one_of(
    st.tuples(st.just("review"), st.lists(st.none() | shares, min_size=3, max_size=3)),
    st.tuples(st.just("failed"), st.integers(0, 2)),
)


@given(
    st.lists(st.floats(0.1, 100.0), min_size=3, max_size=3),
    st.lists(st.tuples(st.integers(0, 20 * MINUTE), steps), max_size=60),
)
def test_weights_keep_their_sum_and_bounds_whatever_happens(
    configured: list[float], events: list[tuple[int, tuple[str, Any]]]
) -> None:
    weights = Weights(configured)
    resting = list(weights.points)
    now_ns = 0
    for passed_ns, (what, value) in events:
        now_ns += passed_ns
        if what == "review":
            weights.review(now_ns, value)
        else:
            for _ in range(FAILURES):
                weights.failed(now_ns, value)
        assert sum(weights.points) == pytest.approx(TOTAL)
        assert all(-1e-9 <= each <= TOTAL + 1e-9 for each in weights.points)
    for minute in range(600):
        weights.review(now_ns + (minute + 1) * MINUTE, [None, None, None])
    assert weights.points == pytest.approx(resting)


def test_a_slow_route_loses_weight_step_by_step_and_gets_it_back_slowly() -> None:
    weights = Weights([51, 49])
    points = []
    for minute in range(1, 61):
        weights.review(minute * MINUTE, [0.2 if minute <= 12 else 0.0, 0.01])
        points.append(round(weights.points[0]))
    assert points[:12] == [41] * 5 + [31] * 5 + [21] * 2
    # The last loss was at minute 11: nothing moves until 26, then 10 points each 5 minutes.
    assert points[12:25] == [21] * 13
    assert points[25:40] == [31] * 5 + [41] * 5 + [51] * 5


def test_no_weight_moves_while_every_route_is_slow() -> None:
    weights = Weights([50, 50])
    for minute in range(1, 30):
        weights.review(minute * MINUTE, [0.5, 0.9])
    assert weights.points == [50, 50]


def test_fifty_failures_within_a_minute_cost_ten_points_at_most_once_a_minute() -> None:
    weights = Weights([50, 50])
    for number in range(FAILURES - 1):
        weights.failed(number * S, 0)
    assert weights.points == [50, 50]
    weights.failed((FAILURES - 1) * S, 0)
    assert weights.points == [50 - STEP, 50 + STEP]
    for number in range(FAILURES):
        weights.failed((FAILURES + number // 2) * S, 0)
    assert weights.points == [50 - STEP, 50 + STEP]
    slow = Weights([50, 50])
    for number in range(10 * FAILURES):
        slow.failed(number * 2 * S, 0)  # 30 within a minute
    assert slow.points == [50, 50]


@pytest.mark.parametrize(
    ("what", "real", "batch"), [("requests", 50.0, 1), ("segments", 200.0, 5), ("requests", 4.0, 1)]
)
def test_the_pacing_converges_to_the_provider_s_real_limit(what: str, real: float, batch: int) -> None:
    """The configured rate is twice the real one. Once the route has learned it, under 1 % of the requests are
    throttled, and the rate reached is within 20 % of the limit.
    """
    learned_after_s = round(30 + 200 / real)
    until_s = learned_after_s + round(5_000 / real)
    profile = plain_profile(
        throttle={what: {"rate_per_s": real, "burst": max(10.0 if what == "segments" else 1.0, real / 10)}},
        reply={"latency": {"kind": "fixed", "value_s": 0.03}},
    )
    rates = {"requests": 1000.0, "segments": 1000.0} | {what: 2 * real}
    limits = RouteLimits(
        "a",
        rates["requests"],
        max(2.0, rates["requests"] / 10),
        rates["segments"],
        max(10.0, rates["segments"] / 10),
        max_batch=batch,
        max_in_flight=8,
        idempotency_window_s=86_400.0,
    )
    core = Dispatcher(DispatchSettings(), (limits,), 1)
    world = World(core, Engine(profile, 1), {"a": exchange_of(profile, TOKEN, False)}, lambda _: None)
    count = round(real * until_s * 1.3)
    world.offer(0, [_message(number) for number in range(count)])
    world.run(learned_after_s * S)
    before = core.state(learned_after_s * S)
    world.run(until_s * S)
    after = core.state(until_s * S)
    taken = after.totals["sent"] - before.totals["sent"]
    throttled = after.routes[0].throttles - before.routes[0].throttles
    requests = taken / batch + throttled
    assert core.open_messages, "the backlog ran empty, so nothing was measured"
    assert throttled / requests < 0.01, (throttled, requests)
    assert taken / (until_s - learned_after_s) == pytest.approx(real, rel=0.2)


def _message(number: int) -> Message:
    to = f"48500{number:06d}"
    return made_message(number, to=to, expires_ns=10**15)
