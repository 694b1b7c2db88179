"""What a country asks: each rule refuses (or delays) for its own reason, and the journal says which."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from nanoseconds import S
from virtual import virtual_provider

from mock_provider.engine import Engine
from mock_provider.engine.values import Accepted, MessageClass, Outbound, Submit, SubmitOptions
from mock_provider.settings.values import Refusal
from mock_provider.testing import plain_profile

MARKETING = {"message_class": MessageClass.MARKETING}
HOURS = {"timezone": "Europe/Warsaw", "start": "08:00", "end": "20:00"}


def warsaw(year: int, month: int, day: int, hour: int, minute: int = 0, second: int = 0) -> float:
    return datetime(year, month, day, hour, minute, second, tzinfo=ZoneInfo("Europe/Warsaw")).timestamp()


NOON = warsaw(2026, 11, 23, 12)
NIGHT = warsaw(2026, 11, 23, 21)
MORNING = warsaw(2026, 11, 24, 8)


def rules(**fields: Any) -> list[dict[str, Any]]:
    return [{"country": "PL"} | fields]


@pytest.mark.parametrize(
    ("sections", "fields", "message", "reason"),
    [
        ({"account": {"countries": ["DE"]}}, {}, {}, Refusal.COUNTRY_NOT_ALLOWED),
        ({"rules": rules(sender="numeric")}, {}, {}, Refusal.SENDER_FORM_NOT_ALLOWED),
        ({"rules": rules(registration="names")}, {}, {}, Refusal.SENDER_NOT_REGISTERED),
        (
            {"rules": rules(registration="all")},
            {"sender_id": "48500100200"},
            {},
            Refusal.SENDER_NOT_REGISTERED,
        ),
        ({"rules": rules(max_segments=2)}, {}, {"segments": 3}, Refusal.TOO_MANY_SEGMENTS),
        ({"rules": rules(opt_out_any_of=["stop"])}, MARKETING, {"text": "Sale!"}, Refusal.OPT_OUT_MISSING),
        ({"rules": rules(marketing_hours=HOURS)}, MARKETING, {}, Refusal.QUIET_HOURS),
    ],
    ids=lambda value: value.value if isinstance(value, Refusal) else "",
)
def test_a_broken_rule_refuses_for_its_reason(
    sections: dict[str, Any], fields: dict[str, Any], message: dict[str, Any], reason: Refusal
) -> None:
    p = virtual_provider(**sections)
    request = p.send(NIGHT, {"key": "k"} | message, **fields)
    assert p.refused(request).reason is reason
    p.run()
    row = p.row("k")
    assert (row.state, row.reason, row.accepts) == ("rejected", reason.value, 0)
    assert p.engine.state().counters[f"refused_{reason.value}"] == 1


@pytest.mark.parametrize(
    ("sections", "fields", "message", "at_s"),
    [
        ({"account": {"countries": ["PL"]}}, {}, {}, NIGHT),
        ({"rules": rules(sender="numeric")}, {"sender_id": "+48500100200"}, {}, NIGHT),
        (
            {"rules": rules(registration="names"), "account": {"registered_senders": ["TEST"]}},
            {},
            {},
            NIGHT,
        ),
        ({"rules": rules(registration="names")}, {"sender_id": "48500100200"}, {}, NIGHT),
        ({"rules": rules(max_segments=2)}, {}, {"segments": 2}, NIGHT),
        ({"rules": rules(opt_out_any_of=["stop"])}, MARKETING, {"text": "Sale! SToP to 8100"}, NOON),
        ({"rules": rules(opt_out_any_of=["stop"])}, {}, {"text": "Your parcel"}, NOON),
        ({"rules": rules(marketing_hours=HOURS)}, MARKETING, {}, NOON),
        ({"rules": rules(marketing_hours=HOURS)}, {"message_class": MessageClass.TRANSACTIONAL}, {}, NIGHT),
        ({"rules": [{"country": "DE", "sender": "numeric"}]}, {}, {}, NIGHT),
    ],
)
def test_what_keeps_the_rule_passes(
    sections: dict[str, Any], fields: dict[str, Any], message: dict[str, Any], at_s: float
) -> None:
    p = virtual_provider(**sections)
    assert type(p.replies[p.send(at_s, {"key": "k"} | message, **fields)]) is Accepted


def test_one_bad_message_refuses_the_request_or_is_left_out() -> None:
    numeric: dict[str, Any] = {"rules": rules(sender="numeric")}
    messages = ({"key": "pl"}, {"key": "de", "msisdn": "4915112345678"})
    p = virtual_provider(**numeric)
    assert p.refused(p.send(0, *messages)).reason is Refusal.SENDER_FORM_NOT_ALLOWED
    skipping = virtual_provider(**numeric, traffic={"on_violation": "skip_message"})
    answer = skipping.replies[skipping.send(0, *messages)]
    assert isinstance(answer, Accepted)
    assert [m.msisdn for m in answer.messages] == ["4915112345678"]
    assert answer.left_out == ((0, Refusal.SENDER_FORM_NOT_ALLOWED),)
    assert skipping.row("pl").reason == "sender_form_not_allowed"
    assert skipping.refused(skipping.send(0, messages[0])).reason is Refusal.SENDER_FORM_NOT_ALLOWED


def test_marketing_at_night_waits_for_the_morning_and_says_so() -> None:
    p = virtual_provider(
        rules=rules(marketing_hours=HOURS | {"outside": "delay"}), delivery={"validity_s": 600}
    )
    (taken,) = p.accepted(p.send(NIGHT, "k", **MARKETING))
    provider_id = taken.provider_id
    p.run(NIGHT + 60)
    assert p.engine.message(provider_id).stage == "SCHEDULED"
    state = p.engine.state()
    assert (state.gauges["scheduled"], state.counters["delayed"]) == (1, 1)
    p.run()
    row = p.row("k")
    assert row.t_carrier_ns == int(MORNING) * S
    assert (row.state, row.reason) == ("delivered", "delayed_quiet_hours")  # validity counts from the morning


@pytest.mark.parametrize(("after_morning_s", "state"), [(-1, "expired"), (60, "delivered")])
def test_a_message_that_names_its_end_keeps_it_when_it_waits_for_the_morning(
    after_morning_s: int, state: str
) -> None:
    p = virtual_provider(rules=rules(marketing_hours=HOURS | {"outside": "delay"}))
    ends_ns = (int(MORNING) + after_morning_s) * S
    p.accepted(p.send(NIGHT, "k", expires_ns=ends_ns, **MARKETING))
    p.run()
    assert p.row("k").state == state


def test_a_scheduled_message_is_judged_by_its_own_hour() -> None:
    p = virtual_provider(rules=rules(marketing_hours=HOURS))
    assert type(p.replies[p.send(NIGHT, "a", scheduled_ns=int(MORNING) * S, **MARKETING)]) is Accepted
    at_night = p.send(NIGHT + 1, "b", scheduled_ns=int(NIGHT + 7200) * S, **MARKETING)
    assert p.refused(at_night).reason is Refusal.QUIET_HOURS


def test_a_delayed_message_may_be_cancelled_and_its_price_comes_back() -> None:
    p = virtual_provider(
        rules=rules(marketing_hours=HOURS | {"outside": "delay"}), account={"balance_points": 1.0}
    )
    (taken,) = p.accepted(p.send(NIGHT, "k", **MARKETING))
    provider_id = taken.provider_id
    assert p.engine.state().balance_points == pytest.approx(0.9)
    assert p.engine.cancel(p.now_ns, "t", [provider_id]) == (provider_id,)
    assert p.engine.state().balance_points == 1.0
    p.run()
    assert p.calls == []


@pytest.mark.parametrize(
    ("traffic", "fields", "marketing"),
    [
        ({}, {}, False),
        ({"default_message_class": "marketing"}, {}, True),
        ({"default_message_class": "marketing"}, {"message_class": MessageClass.OTP}, False),
        ({"default_message_class": "marketing"}, {"priority": True}, False),
        ({"marketing_senders": ["Promo"]}, {"sender_id": "Promo"}, True),
        (
            {"marketing_senders": ["Promo"]},
            {"sender_id": "Promo", "message_class": MessageClass.TRANSACTIONAL},
            False,
        ),
        ({"marketing_senders": ["Promo"]}, {"message_class": MessageClass.MARKETING}, True),
        ({}, {"message_class": MessageClass.MARKETING, "priority": True}, False),
    ],
)
def test_what_is_marketing(traffic: dict[str, Any], fields: dict[str, Any], marketing: bool) -> None:
    p = virtual_provider(rules=rules(opt_out_any_of=["stop"]), traffic=traffic)
    answer = p.replies[p.send(0, "k", **fields)]
    assert (type(answer) is not Accepted) is marketing


def test_the_hour_is_the_walls_not_the_engines() -> None:
    """At engine time 0 it is noon in Warsaw for one engine and night for the other."""

    profile = plain_profile(rules=rules(marketing_hours=HOURS))
    outbound = (Outbound("48600100200", "48600100200", "hi", 1, "k"),)
    options = SubmitOptions(message_class=MessageClass.MARKETING)
    submit = Submit(1, "smsapi", "t", "Test", outbound, options=options)
    for wall_s, refused in ((NOON, False), (NIGHT, True)):
        (reply,) = [e for e in Engine(profile, 1, int(wall_s) * S).submit(0, submit) if hasattr(e, "answer")]
        assert (type(reply.answer) is not Accepted) is refused


def test_daily_cap_ends_with_the_accounts_own_day() -> None:
    p = virtual_provider(account={"daily_messages": 3, "timezone": "Europe/Warsaw"})
    evening = warsaw(2026, 11, 23, 23, 59, 59)
    assert type(p.replies[p.send(evening - 60, "a", "b")]) is Accepted
    assert p.refused(p.send(evening, "c", "d")).reason is Refusal.DAILY_CAP
    trial = p.send(evening, "t", validate_only=True)
    assert type(p.replies[trial]) is Accepted
    assert type(p.replies[p.send(evening, "c")]) is Accepted
    assert p.refused(p.send(evening, "e")).reason is Refusal.DAILY_CAP
    assert type(p.replies[p.send(evening + 1, "f", "g", "h")]) is Accepted


def test_low_balance_shows_before_credit_ends() -> None:
    p = virtual_provider(account={"balance_points": 0.3, "low_balance_points": 0.2})
    assert p.engine.state().gauges["balance_low"] == 0
    p.send(0, "a")
    assert p.engine.state().gauges["balance_low"] == 0  # 0.2 is not below 0.2
    p.send(0, "b")
    assert p.engine.state().gauges["balance_low"] == 1
    p.send(0, "c")
    assert p.refused(p.send(0, "d")).reason is Refusal.NO_CREDIT


def test_tier_puts_transactional_before_marketing() -> None:
    def order(tier: str) -> list[str]:
        p = virtual_provider(
            account={"tier": tier}, carriers=[{"name": "a", "country": "*", "segments_per_s": 1}]
        )
        p.send(0, "first")  # takes the channel
        p.send(0, "m1", message_class=MessageClass.MARKETING)
        p.send(0, "t1", message_class=MessageClass.TRANSACTIONAL)
        p.send(0, "m2", message_class=MessageClass.MARKETING)
        p.send(0, "f1", priority=True)
        p.run()
        return sorted(["m1", "t1", "m2", "f1"], key=lambda key: p.row(key).t_carrier_ns)

    assert order("standard") == ["f1", "m1", "t1", "m2"]
    assert order("priority") == ["t1", "f1", "m1", "m2"]
    assert order("dedicated") != order("standard")
