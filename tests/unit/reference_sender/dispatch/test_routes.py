"""The choice between several routes, the second route of an OTP, and queries for missing reports."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from dispatch_steps import Make, MakeDispatcher, MakeLimits, Pick, accepted, all_with, only, run_until
from nanoseconds import LATER, S

from reference_sender.alerts.rules import AlertRules
from reference_sender.alerts.watch import Alerts
from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.backlog import Backlog
from reference_sender.dispatch.campaign_figures import CountedCampaigns
from reference_sender.dispatch.choice import RouteChoice
from reference_sender.dispatch.message_states import MessageStates
from reference_sender.dispatch.route import RouteState
from reference_sender.dispatch.ticket import MARKETING
from reference_sender.dispatch.values import (
    AskReport,
    Change,
    Hedge,
    Lane,
    Message,
    Outcome,
    Recovered,
    Report,
    Result,
    State,
    SubmitBatch,
)

POLAND, GERMANY = "48500100200", "49151100200"


def carry(
    core: Dispatcher, at_ns: int, message: Message, batches: Pick, takes_s: float | None, state: State
) -> str:
    """Send one message; its report comes after ``takes_s`` (None: never). Returns its route."""
    batch = only(batches(core.offer(at_ns, [message])))
    core.answered(at_ns, batch.batch_id, accepted(batch))
    if takes_s is not None:
        run_until(core, at_ns + int(takes_s * S))
        report = Report(f"p-{message.key}", message.key, state, "")
        core.reported(at_ns + int(takes_s * S), [report])
    return str(batch.route)


def test_the_first_route_is_preferred_while_routes_are_equal(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits("a"), limits("b"))
    routes = [
        carry(core, number * 10 * S, message(Lane.OTP), batches, 1.0, State.DELIVERED) for number in range(20)
    ]
    assert routes == ["a"] * 20


def test_the_cheaper_route_gets_bulk_and_the_faster_one_otps(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    cheap, fast = limits("cheap", cost_per_segment=0.01), limits("fast", cost_per_segment=0.06)
    core = dispatcher(cheap, fast)
    chosen = {Lane.OTP: "", Lane.MARKETING: ""}
    for number in range(60):
        at_ns = number * 100 * S
        for place, lane in enumerate(chosen):
            one = message(lane, created_ns=at_ns)
            batch = only(batches(core.offer(at_ns + place * 40 * S, [one])))
            core.answered(at_ns + place * 40 * S, batch.batch_id, accepted(batch))
            took_ns = (30 if batch.route == "cheap" else 2) * S
            done_ns = at_ns + place * 40 * S + took_ns
            core.reported(done_ns, [Report(f"p-{one.key}", one.key, State.DELIVERED, "")])
            chosen[lane] = batch.route
    assert chosen == {Lane.OTP: "fast", Lane.MARKETING: "cheap"}


@pytest.mark.parametrize("ahead_s", [0, 5_000])
def test_a_scheduled_message_is_not_late_at_its_time(limits: MakeLimits, message: Make, ahead_s: int) -> None:
    """Its age counts from its schedule, which is Unix time. A late one would get the faster, dearer route."""
    settings = DispatchSettings()
    made = [limits("cheap", cost_per_segment=0.02), limits("fast", cost_per_segment=0.03)]
    choice = RouteChoice(settings, [RouteState(index, each, settings, 1) for index, each in enumerate(made)])
    states = MessageStates(settings, Backlog(2), choice, CountedCampaigns(made))
    now_ns = 100_000 * S
    states.set_wall(ahead_s * S, lambda each: (each, LATER), [])
    for _ in range(300):
        choice.reported(now_ns - S, "cheap", now_ns - 241 * S, "48500", True)
        choice.reported(now_ns - S, "fast", now_ns - 6 * S, "48500", True)

    def first(created_ns: int, not_before_ns: int = 0) -> str:
        one = message(Lane.MARKETING, created_ns=created_ns, not_before_ns=not_before_ns, expires_ns=LATER)
        return choice.ranked(now_ns, one, MARKETING)[0].name

    assert first(now_ns) == "cheap"
    assert first(now_ns - 7_200 * S) == "fast", "this one is late"
    assert first(now_ns - 7_200 * S, now_ns + ahead_s * S) == "cheap"


def test_an_otp_avoids_the_route_that_does_not_deliver_to_its_carrier(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits("a"), limits("b"))
    at_ns = 0
    for _ in range(40):
        for to in (POLAND, POLAND, GERMANY):
            at_ns += 4 * S
            state = State.FAILED if to == GERMANY else State.DELIVERED
            carry(core, at_ns, message(Lane.OTP, to=to, created_ns=at_ns), batches, 1.0, state)
    at_ns += 4 * S
    made = [message(Lane.OTP, to=to, created_ns=at_ns) for to in (GERMANY, POLAND, POLAND)]
    routes = {each.to: batch.route for batch in batches(core.offer(at_ns, made)) for each in batch.messages}
    assert routes == {POLAND: "a", GERMANY: "b"}


@pytest.mark.parametrize("swallowed", [True, False])
def test_a_route_whose_reports_stop_is_avoided_and_tried_again_later(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick, swallowed: bool
) -> None:
    core = dispatcher(limits("a"), limits("b"), slow_delivery_s=60)
    takes_s = None if swallowed else 90.0
    routes = []
    for number in range(12):
        at_ns = number * 100 * S
        one = message(Lane.OTP, created_ns=at_ns, expires_ns=at_ns + 300 * S)
        batch = only(batches(core.offer(at_ns, [one])))
        core.answered(at_ns, batch.batch_id, accepted(batch))
        routes.append(batch.route)
        took_s = takes_s if batch.route == "a" else 1.0
        run_until(core, at_ns + int((took_s or 1.0) * S))
        if took_s is not None:
            report = Report(f"p-{one.key}", one.key, State.DELIVERED, "")
            core.reported(at_ns + int(took_s * S), [report])
    assert routes[0] == "a"
    assert routes.count("b") >= 8
    at_ns += 6 * 3600 * S
    last = message(Lane.OTP, created_ns=at_ns, expires_ns=at_ns + 300 * S)
    assert only(batches(core.offer(at_ns, [last]))).route == "a"


def test_equal_routes_share_by_weight(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits("a", weight=3, max_batch=1), limits("b", weight=1, max_batch=1))
    count: Counter[str] = Counter()
    for number in range(400):
        batch = only(batches(core.offer(number * S, [message(Lane.MARKETING)])))
        count[batch.route] += 1
        core.answered(number * S, batch.batch_id, accepted(batch))
    assert count["a"] == pytest.approx(300, abs=3)


@pytest.mark.parametrize("lane", [Lane.OTP, Lane.MARKETING])
def test_each_message_takes_the_route_that_is_cheap_in_its_country(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick, lane: Lane
) -> None:
    """Most countries have one price. The longest prefix counts: numbers with 4915 have another price than the
    rest of 49. An OTP is worth ten times a marketing message, so only higher prices count.
    """
    dear = 0.06 if lane is Lane.MARKETING else 0.6
    core = dispatcher(
        limits("a", cost_per_segment=0.01, cost_by_prefix=(("48", 0.01), ("49", dear), ("4915", 0.01))),
        limits("b", cost_per_segment=0.01, cost_by_prefix=(("48", dear), ("49", 0.01), ("4915", 0.01))),
    )
    other_german, french = "49301100200", "33600100200"
    made = [message(lane, to=to) for to in [POLAND, other_german, GERMANY, french] * 3]
    routes = {each.key: batch.route for batch in batches(core.offer(0, made)) for each in batch.messages}
    found = {(one.to, routes[one.key]) for one in made}
    # Of equal routes the first is preferred.
    assert found == {(POLAND, "a"), (other_german, "b"), (GERMANY, "a"), (french, "a")}


def test_a_full_route_does_not_hold_messages_that_another_can_take(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    dear = limits("b", cost_per_segment=0.5, max_batch=10)
    core = dispatcher(limits("a", max_batch=10, max_in_flight=2), dear)
    sent = batches(core.offer(0, [message(Lane.MARKETING) for _ in range(40)]))
    # One place of "a" is kept for OTPs.
    assert [batch.route for batch in sent] == ["a", "b", "b", "b"]


def test_a_message_of_unknown_outcome_stays_on_its_route_though_another_is_better(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits("a"), limits("b"))
    batch = only(batches(core.offer(0, [message(Lane.OTP)])))
    now_ns = 0
    for _ in range(8):
        assert batch.route == "a"
        core.answered(now_ns, batch.batch_id, all_with(Outcome.UNKNOWN, batch))
        now_ns = core.next_deadline() or 0
        while not (found := batches(core.advance(now_ns))):
            now_ns = core.next_deadline() or 0
        batch = only(found)
    assert only(batches(core.offer(now_ns, [message(Lane.OTP, created_ns=now_ns)]))).route == "b"


def hedged(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> tuple[Dispatcher, Message, Message, SubmitBatch]:
    """An OTP sent on "a" without a report for 10 s, and its second message, submitted on "b"."""
    core = dispatcher(limits("a"), limits("b"), hedge_otp_after_s=10)
    first = message(Lane.OTP, expires_ns=300 * S)
    batch = only(batches(core.offer(0, [first])))
    core.answered(0, batch.batch_id, accepted(batch))
    assert core.next_deadline() == 10 * S
    second = only(core.advance(10 * S))
    assert isinstance(second, Hedge)
    stored = message(Lane.OTP, key=second.message.key, expires_ns=second.message.expires_ns)
    assert core.predict_route(10 * S, [stored]) is None
    again = only(batches(core.offer(10 * S, [stored])))
    assert (batch.route, again.route) == ("a", "b")
    assert second.message.key == f"{first.key}~2"
    return core, first, stored, again


def test_an_otp_without_a_report_gets_one_second_route(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core, first, second, batch = hedged(dispatcher, limits, message, batches)
    core.answered(11 * S, batch.batch_id, accepted(batch))
    changes = core.reported(12 * S, [Report(f"p-{second.key}", second.key, State.DELIVERED, "")])
    assert [(each.key, each.state) for each in changes if isinstance(each, Change)] == [
        (second.key, State.DELIVERED),
        (first.key, State.DELIVERED),
    ]
    assert core.state(LATER).totals["hedged"] == 1
    assert not core.open_messages
    assert not [each for _, each in run_until(core, 400 * S) if not isinstance(each, Change)], "at most once"
    # The phone may have both: the late report of the first changes nothing.
    assert not core.reported(401 * S, [Report(f"p-{first.key}", first.key, State.DELIVERED, "")])


def test_an_otp_that_is_reported_in_time_gets_no_second_route(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits("a"), limits("b"), hedge_otp_after_s=10)
    for number, lane in enumerate(Lane):
        one = message(lane)
        takes_s = 1.0 if lane is Lane.OTP else None  # only OTPs are hedged
        carry(core, number * S, one, batches, takes_s, State.DELIVERED)
    assert not run_until(core, 1000 * S)
    assert core.state(LATER).totals["hedged"] == 0


def test_a_second_message_is_not_sent_once_the_first_has_ended(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits("a"), limits("b", max_in_flight=1), hedge_otp_after_s=10)
    first = message(Lane.OTP, expires_ns=300 * S)
    batch = only(batches(core.offer(0, [first])))
    core.answered(0, batch.batch_id, accepted(batch))
    second = only(core.advance(10 * S))
    delivered = Report(f"p-{first.key}", first.key, State.DELIVERED, "")
    core.reported(10 * S, [delivered])  # while the second is being stored
    (ended,) = core.offer(11 * S, [message(Lane.OTP, key=second.message.key)])
    assert isinstance(ended, Change)
    assert (ended.state, ended.reason) == (State.EXPIRED, "second_not_needed")


def test_a_second_message_of_unknown_outcome_is_bound_to_its_route(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core, _, second, batch = hedged(dispatcher, limits, message, batches)
    effects: list[Any] = [*core.answered(11 * S, batch.batch_id, [Result(Outcome.UNKNOWN)])]
    (bound,) = (each for each in effects if isinstance(each, Change))
    assert (bound.key, bound.state, bound.route) == (second.key, State.QUEUED, "b")


def test_a_second_message_that_was_stored_and_not_sent_is_sent_after_a_restart_elsewhere(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    first, second = message(Lane.OTP, key="k"), message(Lane.OTP, key="k~2")
    kept = [
        Recovered(second, State.QUEUED, 0, None, None),
        Recovered(first, State.SENT, 1, "p-k", 0, "a"),
    ]
    on = dispatcher(limits("a"), limits("b"), hedge_otp_after_s=10)
    assert only(batches(on.recover(20 * S, kept))).route == "b"
    off = dispatcher(limits("a"), limits("b"))
    (ended,) = off.recover(20 * S, kept)
    assert isinstance(ended, Change)
    assert ended.reason == "second_not_needed"


def test_a_missing_report_is_asked_for_until_the_message_is_final(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits("a", answers_status=True), report_query_s=100)
    made = [message() for _ in range(6)]
    batch = only(batches(core.offer(0, made)))
    core.answered(0, batch.batch_id, accepted(batch))
    core.reported(1, [Report(f"p-{made[0].key}", made[0].key, State.DELIVERED, "")])
    asked = [(at_ns, each) for at_ns, each in run_until(core, 150 * S) if isinstance(each, AskReport)]
    assert [(at_ns, each.key) for at_ns, each in asked] == [(100 * S, m.key) for m in made[1:5]]
    one, two = asked[0][1], asked[1][1]
    assert (one.route, one.provider_id) == ("a", f"p-{one.key}")
    (_, *changes) = core.status_found(150 * S, one.key, Report(one.provider_id, one.key, State.DELIVERED, ""))
    del changes
    assert core.state(LATER).totals["delivered"] == 2
    core.status_found(150 * S, two.key, Report(two.provider_id, two.key, State.SENT, ""))
    again = [(at_ns, each.key) for at_ns, each in run_until(core, 500 * S) if isinstance(each, AskReport)]
    assert (250 * S, two.key) in again
    with pytest.raises(ValueError, match="not asked about"):
        core.status_found(500 * S, one.key, None)


def test_the_alert_on_missing_reports_begins_when_queries_show_that_messages_are_final(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits("a", answers_status=True))
    alerts = Alerts(AlertRules())
    began: list[int] = []
    no_more_s = 300  # from then on the provider sends no report; every message is delivered
    still_on_its_way = {"k-99", "k-199"}
    for at_s in range(0, 7400, 5):
        effects = [*core.advance(at_s * S)]
        if at_s % 10 == 0 and at_s < 3600:
            effects += core.offer(at_s * S, [message(key=f"k-{at_s // 10}")])
        for effect in effects:
            if isinstance(effect, SubmitBatch):
                core.answered(at_s * S, effect.batch_id, accepted(effect))
                if at_s < no_more_s:
                    keys = [each.key for each in effect.messages]
                    core.reported(at_s * S, [Report(f"p-{key}", key, State.DELIVERED, "") for key in keys])
            elif isinstance(effect, AskReport):
                state = State.SENT if effect.key in still_on_its_way else State.DELIVERED
                core.status_found(at_s * S, effect.key, Report(effect.provider_id, effect.key, state, ""))
        notices = alerts.observe(at_s, core.state(at_s * S))
        began += [at_s for each in notices if each.began and each.alert == "missing_reports"]
    (began_s,) = began
    assert no_more_s + 3600 < began_s < no_more_s + 3600 + 300, "an hour after the first of them, not 72"
    assert core.state(LATER).totals["ended_by_query"] == 330 - len(still_on_its_way)


def test_no_report_is_asked_for_where_the_protocol_has_no_query(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(report_query_s=100, report_timeout_s=1000)
    batch = only(batches(core.offer(0, [message()])))
    core.answered(0, batch.batch_id, accepted(batch))
    ((_, ended),) = run_until(core, 2000 * S)
    assert ended.reason == "no_report"


def test_queries_leave_the_route_s_requests_to_messages(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    route = limits("a", answers_status=True, requests_per_s=0.01, requests_burst=2)
    core = dispatcher(route, report_query_s=10)
    batch = only(batches(core.offer(0, [message(Lane.OTP), message(Lane.OTP)])))
    core.answered(0, batch.batch_id, accepted(batch))
    asked = [at_ns for at_ns, each in run_until(core, 90 * S) if isinstance(each, AskReport)]
    assert not asked  # one token is left, and an OTP may need it
    assert batches(core.offer(90 * S, [message(Lane.OTP)]))


def test_an_old_message_without_a_report_costs_no_calls_without_pause(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    """A newer message that has its report must not set a deadline in every nanosecond."""
    core = dispatcher(limits("a", answers_status=True), report_query_s=100)
    for at_ns in (0, 90 * S):
        batch = only(batches(core.offer(at_ns, [message()])))
        core.answered(at_ns, batch.batch_id, accepted(batch))
    core.reported(91 * S, [Report(f"p-{batch.messages[0].key}", None, State.DELIVERED, "")])
    calls = 0
    while (due_ns := core.next_deadline()) is not None and due_ns <= 190 * S:
        core.advance(due_ns)
        calls += 1
        assert calls < 200


def test_a_route_that_cannot_be_used_says_why_and_since_when(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits("a"))
    batch = only(batches(core.offer(0, [message(Lane.OTP)])))
    core.answered(S, batch.batch_id, all_with(Outcome.UNKNOWN, batch, reason="timed_out"))
    assert core.state(S).routes[0].trouble == ""  # one failure does not open the breaker
    repeat = only(batches([effect for _, effect in run_until(core, 60 * S)]))
    refused = all_with(Outcome.ROUTE_DOWN, repeat, reason="unauthorized")
    core.answered(61 * S, repeat.batch_id, refused)
    for passed_s in (0, 10, 59):  # no call comes meanwhile
        down = core.state((61 + passed_s) * S).routes[0]
        assert (down.trouble, down.unusable_s, down.paused_s) == ("unauthorized", passed_s, 60 - passed_s)


def test_an_open_breaker_is_half_open_when_its_time_has_passed(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits("a"), breaker_failures=1, breaker_open_s=10)
    batch = only(batches(core.offer(0, [message()])))
    core.answered(0, batch.batch_id, all_with(Outcome.RETRYABLE, batch))
    shown = [core.state(at_s * S).routes[0].breaker for at_s in (0, 4, 10)]
    assert shown == ["open", "open", "half_open"]
    assert core.state(0).routes[0].breaker == "open", "to read the state changes nothing"
