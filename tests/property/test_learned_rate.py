"""The rate that a route learns: bounds for any answers, and in virtual time against a provider's bucket.

The provider is a token bucket, and the messages always wait, except where a test says how they come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nanoseconds import S

from reference_sender.dispatch.bucket import RateBucket
from reference_sender.dispatch.pacing import Pacing
from reference_sender.dispatch.route import RouteState
from reference_sender.dispatch.settings import DispatchSettings
from reference_sender.dispatch.values import Outcome, Result, RouteLimits

TAKEN = (Result(Outcome.ACCEPTED, "p-1"),)
REFUSED = (Result(Outcome.THROTTLED),)
ALWAYS = 10**9  # messages that wait


class Flow:
    """Sends the messages of ``arrive`` on one route to a provider that allows ``allowed_per_s``.

    ``arrive`` has the number of messages that came until an instant. ``refuse``: also without the limit.
    """

    def __init__(
        self,
        configured_per_s: float,
        allowed_per_s: float,
        *,
        burst_s: float = 0.1,
        latency_s: float = 0.03,
        arrive: Callable[[int], int] = lambda now_ns: ALWAYS,
        refuse: Callable[[], bool] = lambda: False,
    ) -> None:
        limits = RouteLimits(
            *("a", configured_per_s, max(1.0, configured_per_s / 10), 1e9, 1e9),
            max_batch=1,
            max_in_flight=10_000,
            idempotency_window_s=86_400.0,
        )
        self.route = RouteState(0, limits, DispatchSettings(), 1)
        self.provider = RateBucket(allowed_per_s, max(1.0, allowed_per_s * burst_s))
        self.now_ns = self.taken = self.refused = 0
        self._latency_ns = round(latency_s * S)
        self._arrive = arrive
        self._refuse = refuse
        self._answers: deque[tuple[int, int, tuple[Result, ...]]] = deque()

    @property
    def paced_per_s(self) -> float:
        return self.route.limits.requests_per_s * self.route.requests_pacing.share

    def run(self, until_s: float) -> tuple[int, int]:
        """The numbers of requests that were taken and refused until then."""
        before = self.taken, self.refused
        until_ns = round(until_s * S)
        while self.now_ns < until_ns:
            while self._answers and self._answers[0][0] <= self.now_ns:
                _, submitted_ns, results = self._answers.popleft()
                self.route.answered(self.now_ns, submitted_ns, results)
            next_ns = self._send()
            dues = [until_ns, next_ns] if next_ns > self.now_ns else [until_ns]
            if self._answers:
                dues.append(self._answers[0][0])
            self.now_ns = min(dues)
        return self.taken - before[0], self.refused - before[1]

    def _send(self) -> int:
        """Send all that may be sent now. When to ask again."""
        while True:
            now_ns, route = self.now_ns, self.route
            waiting = self._arrive(now_ns) - self.taken - len(self._answers)
            if waiting <= 0:
                return now_ns + S // 100
            blocked_ns = route.blocked_until(now_ns)
            if blocked_ns:
                return blocked_ns
            room = route.room(now_ns, 1, waiting, True)
            if not room.messages:
                return room.ask_ns
            route.submitted(1)
            taken = self.provider.available(now_ns) >= 1 and not self._refuse()
            if taken:
                self.provider.spend(1)
                self.taken += 1
            else:
                self.refused += 1
            self._answers.append((now_ns + self._latency_ns, now_ns, TAKEN if taken else REFUSED))


@pytest.mark.parametrize("burst_s", [0.1, 1.0])
@pytest.mark.parametrize("over", [1.0, 1.05, 2.0, 10.0, 100.0])
@pytest.mark.parametrize("allowed_per_s", [5.0, 20.0, 50.0, 200.0, 1000.0])
def test_a_constant_limit_is_used_and_fewer_than_one_request_in_a_hundred_is_refused(
    allowed_per_s: float, over: float, burst_s: float
) -> None:
    flow = Flow(over * allowed_per_s, allowed_per_s, burst_s=burst_s)
    learned_after_s = 60 + 300 / allowed_per_s
    flow.run(learned_after_s)
    lasts_s = max(30.0, 2_000 / allowed_per_s)
    taken, refused = flow.run(learned_after_s + lasts_s)
    assert refused / (taken + refused) < 0.01, (taken, refused)
    assert taken / lasts_s > 0.89 * allowed_per_s, taken / lasts_s


@pytest.mark.parametrize("low_for_s", [60, 65, 70, 75, 80, 300, 1200])
def test_the_way_back_after_a_lowered_limit_takes_half_a_minute(low_for_s: int) -> None:
    """The limit of 300 requests/s falls to 5, and rises again at any moment of the route's probing at 5."""
    flow = Flow(300.0, 300.0)
    flow.run(20)
    flow.provider.set_rate(flow.now_ns, 5.0)
    back_s = 20 + low_for_s
    flow.run(back_s - 5)
    assert 3.0 < flow.paced_per_s < 8.0, "the route has not learned the lowered limit"
    flow.run(back_s)
    flow.provider.set_rate(flow.now_ns, 300.0)
    refused_before = flow.refused
    taken_s = next(second for second in range(1, 60) if flow.run(back_s + second)[0] >= 270)
    assert taken_s <= 45, taken_s
    assert flow.refused == refused_before


def test_bursts_with_pauses_between_them_are_hardly_throttled() -> None:
    """They use half of the limit. If answers that do not use the rate raised it, it would rise far above the
    limit in the pauses, and a burst would be throttled many times.
    """
    random = Random(1)
    arrivals_ns = [0]
    while arrivals_ns[-1] < 1300 * S:
        burst_ns = arrivals_ns[-1] + round(random.expovariate(0.5 * 20 / 5.5) * S)
        arrivals_ns += [burst_ns] * random.randint(1, 10)
    came = 0

    def arrive(now_ns: int) -> int:
        nonlocal came
        while arrivals_ns[came] <= now_ns:
            came += 1
        return came

    flow = Flow(2000.0, 20.0, burst_s=1.0, arrive=arrive)
    flow.provider.set_rate(0, 2.0)
    flow.run(60)  # learns 2/s
    flow.provider.set_rate(flow.now_ns, 20.0)
    flow.run(300)
    taken, refused = flow.run(1200)
    assert taken > 0.45 * 20 * 900
    assert refused / (taken + refused) < 0.01, (taken, refused)


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_throttling_that_has_nothing_to_do_with_the_rate_does_not_stop_a_route(share: float) -> None:
    random = Random(7)
    flow = Flow(100.0, 1e6, refuse=lambda: random.random() < share)
    flow.run(300)
    assert flow.paced_per_s >= 1.0
    taken, _ = flow.run(600)
    # The least rate is 1/s. A refusal empties the bucket, and bulk needs a second token for the reserve.
    assert taken / 300 > 0.4, taken


def test_the_refusals_of_requests_in_flight_together_lower_the_rate_once() -> None:
    flow = Flow(100.0, 1e6, latency_s=1.0)
    flow.run(5)
    flow.provider.drain(10**15)
    flow.run(5.9)
    before = flow.paced_per_s
    flow.run(7.02)
    assert flow.refused > 50
    assert flow.paced_per_s == pytest.approx(0.76 * before)


events = st.lists(
    st.tuples(st.sampled_from(["throttled", "used", "unused"]), st.floats(0.0, 100.0)), max_size=200
)


@settings(max_examples=200, deadline=None)
@given(events, st.floats(1e-6, 1e12), st.sampled_from([1.0, 10.0]))
def test_the_share_stays_in_its_bounds_and_only_a_refusal_lowers_it(
    events: list[tuple[str, float]], rate_per_s: float, least_per_s: float
) -> None:
    pacing = Pacing(rate_per_s, least_per_s)
    least = min(1.0, least_per_s / rate_per_s)
    now_ns = 0
    for what, passed_s in events:
        now_ns += round(passed_s * S)
        before = pacing.share
        if what == "throttled":
            pacing.throttled(now_ns)
            assert pacing.share == max(least, 0.76 * before) or pacing.share == pytest.approx(0.76 * before)
        else:
            pacing.worked(now_ns, what == "used")
            assert pacing.share >= before
        assert least <= pacing.share <= 1.0


@given(st.floats(0.001, 1.0), st.integers(1, 400), st.floats(0.001, 10.0))
def test_the_same_answers_at_the_same_times_give_the_same_share(
    refused_at: float, answers: int, every_s: float
) -> None:
    shares = []
    for _ in range(2):
        pacing = Pacing(1000.0, 1.0)
        while pacing.share > refused_at:
            pacing.throttled(0)
        for number in range(answers):
            pacing.worked(round((number + 1) * every_s * S), True)
        shares.append(pacing.share)
    assert shares[0] == shares[1]


@given(st.integers(1, 2000), st.floats(0.0001, 10.0))
def test_a_rate_that_is_not_used_does_not_exceed_the_learned_limit(answers: int, every_s: float) -> None:
    pacing = Pacing(1000.0, 1.0)
    for _ in range(5):
        pacing.throttled(0)
    limit = pacing.share / 0.8
    for number in range(answers):
        pacing.worked(round((number + 1) * every_s * S), False)
    assert pacing.share <= limit * 1.0001


def test_answers_at_the_configured_rate_change_nothing() -> None:
    """One rate of a route may be lowered for hours while the other is used in full."""
    pacing = Pacing(100.0, 1.0)
    for number in range(5_000):
        pacing.worked(number * S, True)
        assert pacing.share == 1.0
    pacing.throttled(5_000 * S)
    for number in range(5_000, 10_000):
        pacing.worked(number * S, True)
    assert pacing.share == 1.0


def test_a_rise_above_the_limit_begins_again_after_an_answer_that_did_not_use_the_rate() -> None:
    """Otherwise the rises of many short bursts would add up to one that ends far above the limit."""
    rises = []
    for answers_in_a_burst in (10, 1_000):
        pacing = Pacing(10_000.0, 1.0)
        for _ in range(25):
            pacing.throttled(0)
        limit = pacing.share / 0.8
        for number in range(230):
            pacing.worked((number + 1) * S, (number + 1) % answers_in_a_burst != 0)
        rises.append(pacing.share / limit)
    assert rises[0] < 1.01, rises
    assert rises[1] > 2.0, rises
