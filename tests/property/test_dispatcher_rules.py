"""Any sequence of calls, checked call by call against what the dispatcher promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from messages import made_message
from nanoseconds import S

from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.states import TRANSITIONS
from reference_sender.dispatch.values import (
    FINAL_STATES,
    Change,
    Effect,
    Lane,
    LookUp,
    Message,
    Outcome,
    Report,
    Result,
    RouteLimits,
    State,
    SubmitBatch,
)

SETTINGS = DispatchSettings(
    max_attempts=3,
    backoff_base_s=0.5,
    backoff_cap_s=5,
    breaker_failures=2,
    defer_s=3,
    report_timeout_s=100,
    route_down_pause_s=5,
)
REFUSED = (Outcome.PERMANENT, Outcome.RETRYABLE, Outcome.THROTTLED, Outcome.DEFERRED, Outcome.SPLIT)
CHECKS_FOR_DUPLICATES_NS = 60 * S

limits = st.builds(
    RouteLimits,
    name=st.just("a"),
    requests_per_s=st.sampled_from([0.7, 3.0, 50.0]),
    requests_burst=st.sampled_from([1.0, 2.5, 20.0]),
    segments_per_s=st.sampled_from([1.0, 7.3, 500.0]),
    segments_burst=st.sampled_from([4.0, 30.0, 200.0]),
    max_batch=st.sampled_from([1, 3, 50]),
    max_in_flight=st.integers(1, 4),
    idempotency_window_s=st.sampled_from([60.0, 0.0]),
    lookup_window_s=st.sampled_from([40.0, 0.0]),
    weight=st.sampled_from([None, 1.0, 5.0]),
    cost_per_segment=st.sampled_from([0.0, 0.05, 2.0]),
)


class RouteProviders:
    """What each route's provider took. ``forgets``: those that do not know a key again, as Twilio does not;
    the others know it for a while, as SMSAPI's ``check_idx`` does.
    """

    def __init__(self, forgets: set[str]) -> None:
        self.forgets = forgets
        self.took: dict[tuple[str, str], int] = {}
        self.refused: set[str] = set()

    def accept(self, now_ns: int, route: str, message: Message) -> Outcome:
        assert route not in self.forgets or (route, message.key) not in self.took, "delivered twice"
        taken_ns = self.took.setdefault((route, message.key), now_ns)
        assert now_ns - taken_ns <= CHECKS_FOR_DUPLICATES_NS, "repeated after the provider forgot the key"
        others = [key for other, key in self.took if other != route and key == message.key]
        assert not others, "two providers have the message"
        return Outcome.ACCEPTED if taken_ns == now_ns else Outcome.ALREADY_ACCEPTED


class DispatcherRules(RuleBasedStateMachine):
    """Offers, answers, reports and time, in any order."""

    @initialize(first=limits, second=st.none() | limits, seed=st.integers(0, 3))
    def begin(self, first: RouteLimits, second: RouteLimits | None, seed: int) -> None:
        routes = [first]
        if second is not None:
            routes.append(msgspec.structs.replace(second, name="b"))
        self.routes = {route.name: route for route in routes}
        self.make = partial(Dispatcher, SETTINGS, tuple(routes), seed)
        self.core = self.make()
        self.calls: list[tuple[str, tuple[Any, ...], Sequence[Effect]]] = []
        self.now_ns = 0
        self.made = 0
        self.in_flight: dict[int, SubmitBatch] = {}
        self.unanswered: dict[str, tuple[str, int]] = {}  # route and time of the last such attempt
        self.submitted_ns: dict[int, int] = {}
        self.states: dict[str, State] = {}
        self.messages: dict[str, Message] = {}
        self.provider = RouteProviders(
            {name for name, r in self.routes.items() if not r.idempotency_window_s}
        )
        self.lookups: dict[str, LookUp] = {}
        self.submitted: dict[str, list[tuple[int, int]]] = {name: [] for name in self.routes}

    @rule(
        count=st.integers(1, 30),
        lane=st.sampled_from(Lane),
        sender_id=st.sampled_from("XY"),
        campaign=st.sampled_from(["", "c1", "c2"]),
        segments=st.integers(1, 4),
        life_s=st.sampled_from([0.5, 5.0, 90.0, 1000.0]),
    )
    def offer(
        self, count: int, lane: Lane, sender_id: str, campaign: str, segments: int, life_s: float
    ) -> None:
        offered = []
        for _ in range(count):
            self.made += 1
            key = f"k{self.made}"
            expires_ns = self.now_ns + int(life_s * S)
            offered.append(
                made_message(
                    self.made,
                    key=key,
                    to="48100",
                    lane=lane,
                    sender_id=sender_id,
                    campaign=campaign,
                    segments=segments,
                    created_ns=self.now_ns,
                    expires_ns=expires_ns,
                )
            )
            self.states[key] = State.QUEUED
            self.messages[key] = offered[-1]
        self.call("offer", offered)

    @rule(seconds=st.sampled_from([0.001, 0.1, 1.0, 7.0, 45.0]))
    def wait(self, seconds: float) -> None:
        self.pass_time(self.now_ns + int(seconds * S))

    @precondition(lambda self: self.in_flight)
    @rule(which=st.integers(0, 9), outcome=st.sampled_from(Outcome), took=st.booleans(), mixed=st.booleans())
    def answer(self, which: int, outcome: Outcome, took: bool, mixed: bool) -> None:
        batch_id = sorted(self.in_flight)[which % len(self.in_flight)]
        batch = self.in_flight.pop(batch_id)
        results = []
        for number, message in enumerate(batch.messages):
            found = REFUSED[number % len(REFUSED)] if mixed and number % 2 else outcome
            results.append(self.result(batch, message, found, took))
        self.call("answered", batch_id, results)

    @precondition(lambda self: self.in_flight)
    @rule(which=st.integers(0, 9), took=st.booleans())
    def lose_an_answer(self, which: int, took: bool) -> None:
        """And let the time pass after which a message may be tried again."""
        self.answer(which, Outcome.UNKNOWN, took, mixed=False)
        self.wait(7.0)

    @precondition(lambda self: self.lookups)
    @rule(which=st.integers(0, 9), answer=st.sampled_from(["truth", "not yet", "nothing"]))
    def answer_lookup(self, which: int, answer: str) -> None:
        self.end_lookup(sorted(self.lookups)[which % len(self.lookups)], answer)

    def end_lookup(self, key: str, answer: str = "truth") -> None:
        route = self.lookups.pop(key).route
        has_it = (route, key) in self.provider.took
        found = [Report(f"{route}:{key}", key, State.SENT, "")] if has_it and answer == "truth" else []
        self.call("looked_up", key, None if answer == "nothing" else found)

    @precondition(lambda self: self.provider.took)
    @rule(which=st.integers(0, 999), state=st.sampled_from([State.SENT, *FINAL_STATES]), keyed=st.booleans())
    def report(self, which: int, state: State, keyed: bool) -> None:
        route, key = list(self.provider.took)[which % len(self.provider.took)]
        self.call("reported", [Report(f"{route}:{key}", key if keyed else None, state, "")])

    @rule()
    def stray_report(self) -> None:
        self.call("reported", [Report("unknown", "no-such-key", State.DELIVERED, "")])

    def result(self, batch: SubmitBatch, message: Message, outcome: Outcome, took: bool) -> Result:
        route, key = batch.route, message.key
        submitted_ns = self.submitted_ns[batch.batch_id]
        if (route, key) in self.provider.took and outcome not in (Outcome.UNKNOWN, Outcome.ACCEPTED):
            outcome = Outcome.ALREADY_ACCEPTED
        if outcome is Outcome.UNKNOWN:
            self.unanswered[key] = route, submitted_ns
            if took:
                self.provider.accept(submitted_ns, route, message)
            return Result(outcome)
        if outcome in (Outcome.ACCEPTED, Outcome.ALREADY_ACCEPTED):
            outcome = self.provider.accept(submitted_ns, route, message)
            return Result(outcome, provider_id=f"{route}:{key}")
        return Result(outcome, retry_after_s=2.0 if took else None)

    def pass_time(self, until_ns: int) -> None:
        while (deadline_ns := self.core.next_deadline()) is not None and deadline_ns <= until_ns:
            if deadline_ns - 1 > self.now_ns:
                self.now_ns = deadline_ns - 1
                self.nothing_was_due()
            self.now_ns = deadline_ns
            self.call("advance")
            moved_ns = self.core.next_deadline()
            assert moved_ns is None or moved_ns > deadline_ns, "advancing at the deadline made no progress"
        self.now_ns = until_ns
        self.nothing_was_due()

    def nothing_was_due(self) -> None:
        """Between deadlines nothing comes out, but that an expiry may be noticed within the index's grain."""
        effects = self.call("advance")
        if effects:  # what waited behind it may then go
            assert isinstance(effects[0], Change)
            assert effects[0].reason in ("expired", "outcome_unknown")

    def call(self, name: str, *arguments: Any) -> Sequence[Effect]:
        effects: Sequence[Effect] = getattr(self.core, name)(self.now_ns, *arguments)
        self.calls.append((name, (self.now_ns, *arguments), effects))
        for effect in effects:
            if isinstance(effect, SubmitBatch):
                self.check_batch(effect)
            elif isinstance(effect, LookUp):
                self.check_lookup(effect)
            else:
                assert isinstance(effect, Change), "nothing is set aside without policies"
                self.check_change(effect)
        state = self.core.state(self.now_ns)
        open_now = sum(each not in FINAL_STATES for each in self.states.values())
        assert state.open == self.core.open_messages == open_now
        assert state.in_flight == len(self.in_flight)
        requested = {message.key for batch in self.in_flight.values() for message in batch.messages}
        if not any(each is State.QUEUED and key not in requested for key, each in self.states.items()):
            later = self.core.state(self.now_ns + S)
            assert later.waited_s == state.waited_s, "a wait is counted, and no message waits"
        return effects

    def check_batch(self, batch: SubmitBatch) -> None:
        route = self.routes[batch.route]
        assert 1 <= len(batch.messages) <= route.max_batch
        assert len({message.sender_id for message in batch.messages}) == 1
        assert len({message.lane is Lane.OTP for message in batch.messages}) == 1
        in_requests = {message.key for other in self.in_flight.values() for message in other.messages}
        for message in batch.messages:
            assert message.key not in in_requests, "in two requests at once"
            assert self.states[message.key] is State.QUEUED
            assert self.now_ns < message.expires_ns, "submitted after its deadline"
            unanswered_at, _ = self.unanswered.get(message.key, ("", 0))
            assert unanswered_at not in self.provider.forgets, (
                "repeated where the provider refuses no repeats"
            )
        self.in_flight[batch.batch_id] = batch
        self.submitted_ns[batch.batch_id] = self.now_ns
        assert sum(each.route == batch.route for each in self.in_flight.values()) <= route.max_in_flight
        self.submitted[batch.route].append((self.now_ns, sum(each.segments for each in batch.messages)))

    def check_lookup(self, lookup: LookUp) -> None:
        key = lookup.message.key
        assert lookup.route in self.provider.forgets
        assert key not in self.lookups, "looked up twice at once"
        assert self.states[key] is State.QUEUED
        assert self.unanswered[key] == (lookup.route, lookup.since_ns)
        self.lookups[key] = lookup

    def check_change(self, change: Change) -> None:
        before = self.states[change.key]
        # As the store sees it a message may go from QUEUED to any end at once: SENT and its report in one.
        assert change.state in TRANSITIONS[before] or before is State.QUEUED, f"{before} -> {change.state}"
        assert change.at_ns == self.now_ns
        assert change.message_id == self.messages[change.key].message_id
        self.states[change.key] = change.state

    def teardown(self) -> None:
        if not hasattr(self, "core"):
            return
        self.check_rates()
        self.check_replay()
        self.end_everything()

    def check_rates(self) -> None:
        for name, seen in self.submitted.items():
            route = self.routes[name]
            for start, (begin_ns, _) in enumerate(seen):
                segments = 0
                for requests, (end_ns, cost) in enumerate(seen[start:], start=1):
                    segments += cost
                    seconds = (end_ns - begin_ns) / S
                    assert requests <= route.requests_per_s * seconds + route.requests_burst + 1e-6
                    assert segments <= route.segments_per_s * seconds + route.segments_burst + 1e-6

    def check_replay(self) -> None:
        again = self.make()
        for name, arguments, effects in self.calls:
            assert list(getattr(again, name)(*arguments)) == list(effects)

    def end_everything(self) -> None:
        """From now on the provider takes and reports all: every message must end, and none be lost."""
        for _ in range(5000):
            if all(state in FINAL_STATES for state in self.states.values()):
                break
            for batch_id in sorted(self.in_flight):
                batch = self.in_flight.pop(batch_id)
                results = [self.result(batch, each, Outcome.ACCEPTED, True) for each in batch.messages]
                self.call("answered", batch_id, results)
            reports = [
                Report(f"{route}:{key}", key, State.DELIVERED, "")
                for route, key in self.provider.took
                if self.states[key] not in FINAL_STATES
            ]
            self.call("reported", reports)
            for key in sorted(self.lookups):
                self.end_lookup(key)
            deadline_ns = self.core.next_deadline()
            if deadline_ns is not None and not self.in_flight:
                self.pass_time(deadline_ns)
        assert self.core.state(self.now_ns).open == 0
        assert set(self.states.values()) <= FINAL_STATES


DispatcherRules.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, report_multiple_bugs=False
)
TestDispatcherRules: Callable[..., Any] = DispatcherRules.TestCase
