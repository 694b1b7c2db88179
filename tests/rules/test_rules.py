"""The eleven rules of a good sender of SMS, one test each.

Rules of the intake and of reports are tested over HTTP on a whole sender, rules of dispatch on its core in
virtual time. Details have their own tests; these show that each rule holds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from any_hour import policy_at_any_hour
from dispatch_steps import accepted, all_with, run_until
from held_world import HeldWorld
from messages import made_message
from nanoseconds import LATER, S
from sender_world import SenderWorld, run_sender

from reference_sender.alerts.rules import AlertRules
from reference_sender.alerts.watch import Alerts
from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import (
    Change,
    Lane,
    Message,
    Outcome,
    Report,
    RouteLimits,
    State,
    SubmitBatch,
)
from reference_sender.policy.settings import PolicySettings
from reference_sender.routes import ROUTES
from reference_sender.routes.protocol import ProviderReply, RouteAccount

_numbers = count(1)


def route(name: str = "a", **changes: Any) -> RouteLimits:
    values: dict[str, Any] = {
        "requests_per_s": 1000.0,
        "requests_burst": 100.0,
        "segments_per_s": 1000.0,
        "segments_burst": 100.0,
        "max_batch": 1,
        "max_in_flight": 50,
        "idempotency_window_s": 86_400.0,
    }
    return RouteLimits(name, **values | changes)


def core(*routes: RouteLimits, **settings: Any) -> Dispatcher:
    return Dispatcher(DispatchSettings(**settings), routes or (route(),), 1)


def message(lane: Lane = Lane.TRANSACTIONAL, segments: int = 1, expires_s: float = 86_400.0) -> Message:
    number = next(_numbers)
    return made_message(number, lane=lane, sender_id="", segments=segments, expires_ns=int(expires_s * S))


def batches(effects: Sequence[Any]) -> list[SubmitBatch]:
    return [each for each in effects if isinstance(each, SubmitBatch)]


def later(dispatcher: Dispatcher, until_ns: int) -> list[tuple[int, SubmitBatch]]:
    return [(at, each) for at, each in run_until(dispatcher, until_ns) if isinstance(each, SubmitBatch)]


def test_rule_01_outbox_first(tmp_path: Path) -> None:
    """The message is stored before it is acknowledged and before its first attempt."""

    async def steps(world: SenderWorld) -> None:
        world.store.gate.clear()
        asked = asyncio.create_task(world.post())
        for _ in range(200):
            await asyncio.sleep(0)
        assert not asked.done()
        assert not world.route.submitted
        world.store.gate.set()
        assert (await asked)[0] == 202
        await world.until_sent(1)
        assert [each.key for each in world.route.submitted] == ["k-1"]

    run_sender(tmp_path / "messages.db", steps)


def test_rule_02_the_key_goes_to_the_provider_and_its_duplicate_error_means_accepted() -> None:
    """``idx`` with ``check_idx``, the same at each attempt; error 53 is an acceptance."""
    protocol = ROUTES["smsapi"].protocol(RouteAccount("http://127.0.0.1/sms.do", "", "t", "Test"))
    one = message()
    bodies = [json.loads(protocol.encode([one], at_ns).body) for at_ns in (0, 60 * S)]
    assert [(str(each["idx"]), str(each["check_idx"])) for each in bodies] == [(one.key, "1")] * 2
    refused = ProviderReply(200, b'{"error": 53, "message": "Message with given idx exists"}')
    (result,) = protocol.interpret([one], refused)
    assert result.outcome is Outcome.ALREADY_ACCEPTED
    dispatcher = core()
    (batch,) = batches(dispatcher.offer(0, [one]))
    (sent,) = dispatcher.answered(1, batch.batch_id, [result])
    assert isinstance(sent, Change)
    assert sent.state is State.SENT


def test_rule_03_permanent_transient_and_unknown_are_three_classes() -> None:
    """Permanent ends; transient may go anywhere; unknown is repeated with its key on its route only, within
    the provider's window.
    """
    dispatcher = core(route("a", idempotency_window_s=30.0), route("b"))
    permanent, transient, unknown = made = [message() for _ in range(3)]
    first = {each.messages[0].key: each for each in batches(dispatcher.offer(0, made))}
    outcome_of = {
        permanent.key: Outcome.PERMANENT,
        transient.key: Outcome.RETRYABLE,
        unknown.key: Outcome.UNKNOWN,
    }
    for key, batch in first.items():
        dispatcher.answered(0, batch.batch_id, all_with(outcome_of[key], batch))
    seen: dict[str, list[str]] = {each.key: [] for each in made}
    while (due_ns := dispatcher.next_deadline()) is not None and due_ns < 100 * S:
        for batch in batches(dispatcher.advance(due_ns)):
            key = batch.messages[0].key
            assert key != unknown.key or due_ns <= 30 * S
            seen[key].append(batch.route)
            outcome = Outcome.ACCEPTED if key == transient.key else Outcome.UNKNOWN
            dispatcher.answered(due_ns, batch.batch_id, all_with(outcome, batch))
    assert seen[permanent.key] == []
    assert len(seen[transient.key]) == 1
    assert len(seen[unknown.key]) > 2
    assert set(seen[unknown.key]) == {"a"}
    assert dispatcher.state(LATER).totals["expired"] == 1  # called unknown, and not failed


def test_rule_04_backoff_grows_retry_after_is_obeyed_and_nothing_expired_is_sent() -> None:
    """And the number of attempts is limited."""
    dispatcher = core(max_attempts=4, breaker_failures=100)
    one, otp = message(), message(Lane.OTP, expires_s=20)
    asked = {each.messages[0].key: each for each in batches(dispatcher.offer(0, [one, otp]))}
    dispatcher.answered(0, asked[one.key].batch_id, all_with(Outcome.RETRYABLE, asked[one.key]))
    delayed = all_with(Outcome.RETRYABLE, asked[otp.key], retry_after_s=25.0)
    dispatcher.answered(0, asked[otp.key].batch_id, delayed)
    attempts: dict[str, list[int]] = {one.key: [0], otp.key: [0]}
    while (due_ns := dispatcher.next_deadline()) is not None and due_ns < 1000 * S:
        for batch in batches(dispatcher.advance(due_ns)):
            attempts[batch.messages[0].key].append(due_ns)
            dispatcher.answered(due_ns, batch.batch_id, all_with(Outcome.RETRYABLE, batch, retry_after_s=2.0))
    assert attempts[otp.key] == [0]
    assert len(attempts[one.key]) == 4
    assert all(then - ns >= 2 * S for ns, then in pairwise(attempts[one.key][1:]))
    totals = dispatcher.state(LATER).totals
    assert (totals["failed"], totals["expired"]) == (1, 1)


def test_rule_05_a_throttled_answer_slows_the_route_and_keeps_the_order() -> None:
    """The whole route waits, not one message, and continues more slowly with the first message first."""
    dispatcher = core(route(requests_per_s=10, requests_burst=1, max_in_flight=1))
    made = [message() for _ in range(30)]
    (batch,) = batches(dispatcher.offer(0, made))
    dispatcher.answered(0, batch.batch_id, all_with(Outcome.THROTTLED, batch, retry_after_s=3.0))
    order: list[str] = []
    times: list[int] = []
    while (due_ns := dispatcher.next_deadline()) is not None and len(order) < 12:
        for each in batches(dispatcher.advance(due_ns)):
            order.append(each.messages[0].key)
            times.append(due_ns)
            dispatcher.answered(due_ns, each.batch_id, accepted(each))
    assert times[0] >= 3 * S
    assert order == [each.key for each in made[:12]]
    assert min(b - a for a, b in pairwise(times)) > S // 10


def test_rule_06_limits_count_parts_and_an_otp_has_its_own_lane_and_share() -> None:
    """An OTP is sent at once in the middle of a bulk backlog, and a flood of OTPs does not stop bulk. All
    workers together keep one limit.
    """
    dispatcher = core(route(segments_per_s=20, segments_burst=40))
    sent = batches(dispatcher.offer(0, [message(Lane.MARKETING, segments=2) for _ in range(500)]))
    assert sum(each.messages[0].segments for each in sent) <= 40
    (urgent,) = batches(dispatcher.offer(1, [message(Lane.OTP)]))
    assert urgent.messages[0].lane is Lane.OTP
    parts = sum(each.messages[0].segments for _, each in _all_accepted(dispatcher, 10 * S, [*sent, urgent]))
    assert parts <= 20 * 10 + 40
    flood = [message(Lane.OTP) for _ in range(2000)]
    first = batches(dispatcher.offer(10 * S, flood))
    lanes = [each.messages[0].lane for _, each in _all_accepted(dispatcher, 30 * S, first)]
    assert Lane.MARKETING in lanes
    nodes = [core(route(segments_per_s=20, segments_burst=40)) for _ in range(2)]  # of one contract
    parts = 0
    for node in nodes:
        node.divide(0, 0.5)
        first = batches(node.offer(0, [message(Lane.MARKETING, segments=2) for _ in range(500)]))
        submitted = [*first, *(each for _, each in _all_accepted(node, 10 * S, first))]
        parts += sum(each.messages[0].segments for each in submitted)
    assert 150 <= parts <= 20 * 10 + 40


def _all_accepted(
    dispatcher: Dispatcher, until_ns: int, first: Sequence[SubmitBatch]
) -> list[tuple[int, SubmitBatch]]:
    """Accept all that is submitted until then; returns what was submitted after ``first``."""
    seen: list[tuple[int, SubmitBatch]] = []
    to_do = [(dispatcher.next_deadline() or 0, each) for each in first]
    while True:
        while to_do:
            at_ns, batch = to_do.pop()
            found = batches(dispatcher.answered(at_ns, batch.batch_id, accepted(batch)))
            to_do += [(at_ns, each) for each in found]
            seen += [(at_ns, each) for each in found]
        due_ns = dispatcher.next_deadline()
        if due_ns is None or due_ns > until_ns:
            return seen
        found = batches(dispatcher.advance(due_ns))
        to_do += [(due_ns, each) for each in found]
        seen += [(due_ns, each) for each in found]


def test_rule_07_reports_are_stored_first_monotone_and_kept_if_they_come_early(tmp_path: Path) -> None:
    """A repeat is answered OK and changes nothing; a report may overtake the answer to its submit."""

    async def steps(world: SenderWorld) -> None:
        world.route.answers.clear()
        await world.post()
        assert (await world.report("k-1"))[:2] == (200, b"OK")  # before the provider's answer
        assert await world.state_of("1") == "delivered"
        world.route.answers.set()
        for status in (403, 405, 404):  # sent, undelivered, delivered
            assert (await world.report("k-1", status=status))[:2] == (200, b"OK")
        assert await world.state_of("1") == "delivered"

    run_sender(tmp_path / "messages.db", steps)
    dispatcher = core(report_timeout_s=100)
    (batch,) = batches(dispatcher.offer(0, [message()]))
    dispatcher.answered(0, batch.batch_id, accepted(batch))
    (_, ended), *_ = run_until(dispatcher, 200 * S)
    assert (ended.state, ended.reason) == (State.EXPIRED, "no_report")


def test_rule_08_an_error_of_the_account_stops_the_route() -> None:
    """Errors 101, 103, 105 and 110 are no fault of the message: nothing more is sent there for a while, and
    an alert says so.
    """
    protocol = ROUTES["smsapi"].protocol(RouteAccount("http://127.0.0.1/sms.do", "", "t", "Test"))
    for code in (101, 103, 105, 110):
        one, other = message(), message()
        (result,) = protocol.interpret([one], ProviderReply(200, b'{"error": %d, "message": "x"}' % code))
        dispatcher = core(route_down_pause_s=60)
        (batch,) = batches(dispatcher.offer(0, [one]))
        assert not batches(dispatcher.answered(0, batch.batch_id, [result]))
        assert not batches(dispatcher.offer(1, [other]))
        assert dispatcher.state(1).routes[0].paused_s > 59
        alerts = Alerts(AlertRules())
        notices = [
            notice.line
            for at_s in range(0, 70, 5)
            for notice in alerts.observe(float(at_s), dispatcher.state(at_s * S))
        ]
        unusable = f"route a has not been usable for 65 s: smsapi_{code}"
        assert notices == [f"ALERT unusable_route.a: {unusable}, above the limit of 60 s"]
        (first, *_) = later(dispatcher, 61 * S)
        assert (first[0], first[1].messages[0].key) == (60 * S, one.key)


def test_rule_09_a_breaker_fails_over_and_the_weight_returns_slowly() -> None:
    dispatcher = core(
        *(route(name, weight=1, requests_burst=200, segments_burst=200, max_in_flight=100) for name in "ab")
    )
    first = batches(dispatcher.offer(0, [message() for _ in range(120)]))
    failing = [batch for batch in first if batch.route == "a"]
    assert len(failing) == 60
    for batch in first:
        if batch.route == "a":
            dispatcher.answered(1, batch.batch_id, all_with(Outcome.RETRYABLE, batch))
    weights = {}

    def deliver(at_ns: int, batch: SubmitBatch) -> None:
        dispatcher.answered(at_ns, batch.batch_id, accepted(batch))
        key = batch.messages[0].key
        dispatcher.reported(at_ns, [Report(f"p-{key}", key, State.DELIVERED, "")])

    for batch in first:
        if batch.route == "b":
            deliver(2, batch)
    for minute in range(31):
        at_ns = 2 + minute * 60 * S
        for _, batch in later(dispatcher, at_ns):
            assert batch.route == "b"  # what "a" refused, "b" sends
            deliver(at_ns, batch)
        for batch in batches(dispatcher.offer(at_ns, [message()])):
            assert batch.route == "b" or minute > 10
            deliver(at_ns, batch)
        weights[minute] = dispatcher.state(at_ns).routes[0].weight
    assert dispatcher.state(LATER).routes[0].breaker_opened == 1
    assert (weights[0], weights[14], weights[30]) == (40, 40, 50)


def test_rule_10_quiet_hours_and_the_limit_per_recipient_come_before_sending(tmp_path: Path) -> None:
    async def steps(world: SenderWorld) -> None:
        answers = [await world.post(key=f"k-{number}") for number in range(12)]
        assert [status for status, _, _ in answers] == [202] * 5 + [429] * 7  # OTPs: 5 in 10 minutes
        assert answers[-1][1]["error"]["code"] == "recipient_limit"
        assert int(answers[-1][2]["Retry-After"]) > 0
        await world.until_sent(5)
        assert len(world.route.submitted) == 5

    run_sender(tmp_path / "messages.db", steps, policy=policy_at_any_hour())
    hour_ns = 3_600 * S
    world = HeldWorld(PolicySettings())  # 1970-01-01, 01:00 in Warsaw
    world.take(world.message(Lane.MARKETING, keeps_hours=True), world.message(Lane.OTP))
    assert world.sent == [(0, 2)], "the OTP has no quiet hours"
    world.pass_time(7 * hour_ns - 1)
    assert world.sent == [(0, 2)]
    world.pass_time(8 * hour_ns)
    assert world.sent == [(0, 2), (7 * hour_ns, 1)], "the hours open at 08:00"


def test_rule_11_a_full_queue_is_refused_at_the_entrance(tmp_path: Path) -> None:
    """With 429 and Retry-After, while what was accepted is kept; a store that fails is 503."""

    async def steps(world: SenderWorld) -> None:
        world.route.answers.clear()
        answers = [await world.post(key=f"k-{number}") for number in range(8)]
        assert [status for status, _, _ in answers] == [202] * 5 + [429] * 3
        assert int(answers[-1][2]["Retry-After"]) > 0
        world.route.answers.set()
        await world.until_sent(5)
        world.store.failing = True
        assert (await world.post(key="k-9"))[0] == 503
        world.store.failing = False

    run_sender(tmp_path / "messages.db", steps, max_backlog=5)
