"""Whole runs in virtual time against a simple provider: with and without crashes, and an OTP in a crowd."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import made_message
from nanoseconds import S

from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import (
    FINAL_STATES,
    Change,
    Effect,
    Lane,
    Message,
    Outcome,
    Recovered,
    Report,
    Result,
    RouteLimits,
    State,
    SubmitBatch,
)

LIMITS = (
    RouteLimits("a", 50.0, 10.0, 200.0, 60.0, max_batch=20, max_in_flight=4, idempotency_window_s=86_400.0),
    RouteLimits("b", 20.0, 5.0, 100.0, 30.0, max_batch=5, max_in_flight=2, idempotency_window_s=86_400.0),
)
SETTINGS = DispatchSettings(backoff_base_s=0.1, backoff_cap_s=1, throttle_base_s=0.1, breaker_open_s=0.2)


def chance(*parts: object) -> float:
    """In [0, 1), by what it is about and nothing else."""
    return blake2b(repr(parts).encode(), digest_size=6).digest()[0] / 256


def crowd(count: int, lanes: Sequence[Lane] = tuple(Lane)) -> list[Message]:
    return [
        made_message(
            number,
            key=f"k{number}",
            to="48100",
            lane=lanes[number % len(lanes)],
            sender_id="XY"[number % 2],
            campaign=f"c{number % 3}",
            segments=1 + number % 3,
            expires_ns=24 * 3600 * S,
        )
        for number in range(1, count + 1)
    ]


class Life:
    """A dispatcher, its providers and its store, from event to event; ``crash`` restarts the sender."""

    def __init__(self, seed: int, messages: Sequence[Message], routes: int = 1) -> None:
        self.seed = seed
        self.now_ns = 0
        self.routes = LIMITS[:routes]
        self.core = Dispatcher(SETTINGS, self.routes, seed)
        self.stored = {message.key: message for message in messages}
        self.store: dict[str, Change] = {}
        self.begun: dict[int, tuple[SubmitBatch, int]] = {}  # attempts in the store, and since when
        self.taken: dict[tuple[str, str], str] = {}  # at the providers: (route, key) -> its id
        self.attempts: dict[str, int] = {}
        self.deliveries: list[str] = []
        self.submitted: list[SubmitBatch] = []
        self.events: list[tuple[int, int, str, Any]] = []
        self.count = 0

    def later(self, delay_s: float, name: str, what: Any) -> None:
        self.count += 1
        heappush(self.events, (self.now_ns + int(delay_s * S), self.count, name, what))

    def perform(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Change):
                self.store[effect.key] = effect
                continue
            assert isinstance(effect, SubmitBatch)  # its providers refuse repeats: nothing is looked up
            self.submitted.append(effect)
            self.begun[effect.batch_id] = effect, self.now_ns
            results = [self.submit(effect.route, message) for message in effect.messages]
            self.later(0.02 + 0.2 * chance(self.seed, effect.batch_id), "answer", (effect.batch_id, results))

    def submit(self, route: str, message: Message) -> Result:
        key = message.key
        if (route, key) in self.taken:
            return Result(Outcome.ALREADY_ACCEPTED)
        number = self.attempts[key] = self.attempts.get(key, 0) + 1
        draw = chance(self.seed, key, number)
        if chance(self.seed, key) < 0.1:
            return Result(Outcome.PERMANENT, reason="13")
        if draw < 0.1:
            return Result(Outcome.RETRYABLE)
        if draw < 0.15:
            return Result(Outcome.THROTTLED)
        if draw < 0.2:
            return Result(Outcome.UNKNOWN)
        taken = self.taken[route, key] = f"p{len(self.taken)}"
        self.deliveries.append(key)
        state = State.DELIVERED if chance(self.seed, "outcome", key) < 0.8 else State.FAILED
        self.later(3 * chance(self.seed, "delay", key), "report", Report(taken, key, state, "outcome"))
        if draw < 0.35:
            return Result(Outcome.UNKNOWN)  # taken, but its answer is lost
        return Result(Outcome.ACCEPTED, provider_id=taken)

    def run(self, until_ns: int) -> None:
        while True:
            deadline_ns = self.core.next_deadline()
            event_ns = self.events[0][0] if self.events else None
            times = [each for each in (deadline_ns, event_ns) if each is not None and each <= until_ns]
            if not times or self.is_over():
                break
            self.now_ns = min(times)
            if event_ns is not None and event_ns <= self.now_ns:
                _, _, name, what = heappop(self.events)
                if name == "report":
                    self.perform(self.core.reported(self.now_ns, [what]))
                else:
                    del self.begun[what[0]]
                    self.perform(self.core.answered(self.now_ns, *what))
            else:
                self.perform(self.core.advance(self.now_ns))

    def crash(self) -> None:
        """What was not stored is gone, as are the answers in flight; the provider repeats its reports.
        The routes come back in the other order."""
        self.events = sorted(event for event in self.events if event[2] == "report")
        self.routes = self.routes[::-1]
        self.core = Dispatcher(SETTINGS, self.routes, self.seed)
        tried = {m.key: (batch.route, at_ns) for batch, at_ns in self.begun.values() for m in batch.messages}
        self.begun = {}
        left = []
        for key, message in self.stored.items():
            change = self.store.get(key)
            if change is None:
                left.append(Recovered(message, State.QUEUED, 0, None, None, *tried.get(key, (None, None))))
            elif change.state is State.QUEUED:
                bound = (change.route, change.tried_ns)
                left.append(Recovered(message, State.QUEUED, change.attempts, None, None, *bound))
            elif change.state is State.SENT:
                left.append(Recovered(message, State.SENT, change.attempts, change.provider_id, change.at_ns))
            if left and left[-1].message is message and left[-1].state is State.QUEUED and left[-1].route:
                self.store[key] = bound_by_the_store(left[-1])
        self.perform(self.core.recover(self.now_ns, left))

    def is_over(self) -> bool:
        return len(self.ends()) == len(self.stored)

    def ends(self) -> dict[str, State]:
        return {key: change.state for key, change in self.store.items() if change.state in FINAL_STATES}


def bound_by_the_store(each: Recovered) -> Change:
    """What the store makes of an attempt that a process left in flight."""
    message = each.message
    return Change(
        *(
            message.message_id,
            message.key,
            State.QUEUED,
            "",
            None,
            each.attempts,
            0,
            each.route,
            each.tried_ns,
        )
    )


def begun(seed: int, messages: Sequence[Message], routes: int = 1) -> Life:
    life = Life(seed, messages, routes)
    life.perform(life.core.offer(0, messages))
    return life


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 120),
    crashes_s=st.lists(st.floats(0.001, 2.0), min_size=1, max_size=4),
    routes=st.integers(1, 2),
)
def test_a_crash_changes_no_end_but_of_refused_ones(
    seed: int, count: int, crashes_s: list[float], routes: int
) -> None:
    whole = begun(seed, crowd(count), routes)
    whole.run(3600 * S)
    assert whole.is_over()

    broken = begun(seed, crowd(count), routes)
    for crash_s in crashes_s:
        broken.run(broken.now_ns + int(crash_s * S))
        broken.crash()
    broken.run(broken.now_ns + 3600 * S)
    changed = {key: state for key, state in broken.ends().items() if state is not whole.ends()[key]}
    # In flight at the crash, and refused when it was repeated: nobody knows whether it was accepted.
    assert set(changed.values()) <= {State.EXPIRED}
    assert {whole.ends()[key] for key in changed} <= {State.FAILED}
    assert len(set(broken.deliveries)) == len(broken.deliveries), "delivered twice"
    assert broken.core.state(broken.now_ns).open == 0


@pytest.mark.parametrize("lanes", [(Lane.MARKETING,), (Lane.TRANSACTIONAL, Lane.MARKETING)])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 600), after_s=st.floats(0.0, 3.0))
def test_an_otp_is_the_next_thing_submitted(
    lanes: tuple[Lane, ...], seed: int, count: int, after_s: float
) -> None:
    life = begun(seed, crowd(count, lanes))
    life.run(int(after_s * S))
    before = len(life.submitted)
    otp = made_message(
        0,
        key="otp",
        to="48100",
        lane=Lane.OTP,
        sender_id="X",
        created_ns=life.now_ns,
        expires_ns=life.now_ns + 60 * S,
    )
    life.stored[otp.key] = otp
    life.perform(life.core.offer(life.now_ns, [otp]))
    route = life.core.state(life.now_ns).routes[0]
    if not route.throttles and route.breaker == "closed":
        # The reserve was there: bulk has left it a request, its segments and a place in flight.
        assert len(life.submitted) == before + 1
    life.run(life.now_ns + 600 * S)
    assert life.submitted[before].messages == (otp,)
    assert life.is_over()


@given(
    seed=st.integers(0, 1000),
    groups=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    lanes=st.sampled_from([(Lane.OTP,), (Lane.MARKETING,), tuple(Lane)]),
    step_ns=st.sampled_from([0, 10_000_000, S]),
)
@settings(max_examples=150, deadline=None)
def test_messages_are_sent_as_predicted_and_a_prediction_changes_nothing(
    seed: int, groups: list[int], lanes: tuple[Lane, ...], step_ns: int
) -> None:
    """A dispatcher that is asked does the same as one that is not."""
    asked, other = (Dispatcher(SETTINGS, LIMITS, seed) for _ in range(2))
    now_ns = S
    messages = iter(crowd(sum(groups), lanes))
    predicted = 0
    for size in groups:
        now_ns += step_ns
        group = [next(messages) for _ in range(size)]
        route = asked.predict_route(now_ns, group)
        effects = asked.offer(now_ns, group)
        assert effects == other.offer(now_ns, group)
        if route is not None:
            predicted += 1
            batch = effects[0]  # of OTPs, which go first; waiting bulk may follow
            assert len(effects) == 1 or group[0].lane is Lane.OTP
            assert isinstance(batch, SubmitBatch)
            assert (batch.route, sorted(m.key for m in batch.messages)) == (
                route,
                sorted(m.key for m in group),
            )
    # The first group of one message always goes at once.
    assert predicted or groups[0] > 1
