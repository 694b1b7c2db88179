"""The network behind the provider: true to the numbering plan, and nothing to who does not use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import phonenumbers
from hypothesis import given, settings
from hypothesis import strategies as st
from nanoseconds import S
from phonenumbers import PhoneNumberType

from mock_provider.engine import Engine
from mock_provider.engine import numbers as plan
from mock_provider.engine.values import (
    Accepted,
    Effect,
    JournalRow,
    MessageClass,
    Outbound,
    Reply,
    ReportsWanted,
    SendReports,
    Submit,
    SubmitOptions,
)
from mock_provider.profiles import parse_profile
from mock_provider.testing import VirtualDriver

NetworkSend = tuple[float, Sequence[int], int, bool, MessageClass]  # as ``requests`` describes it
MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
KINDS = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.PAGER, PhoneNumberType.VOIP)
EXAMPLES = [
    phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]
    for country in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in KINDS
    if (example := phonenumbers.example_number_for_type(country, kind)) is not None
]


@st.composite
def near_a_number(draw: st.DrawFn) -> str:
    """A number of some country, or one that shares its beginning."""
    number = draw(st.sampled_from(EXAMPLES))
    kept = draw(st.integers(4, len(number)))
    tail = draw(st.text("0123456789", min_size=len(number) - kept, max_size=len(number) - kept))
    return number[:kept] + tail


@settings(max_examples=1_000)
@given(near_a_number())
def test_mobile_numbers_are_those_of_phonenumbers(number: str) -> None:
    asked = phonenumbers.parse(f"+{number}")
    assert plan.is_mobile(number) == (phonenumbers.number_type(asked) in MOBILE)


@settings(max_examples=1_000)
@given(near_a_number())
def test_countries_are_those_of_phonenumbers(number: str) -> None:
    """Of every number it calls valid; North America's services (+1 8xx) go by their area code alone."""
    country = phonenumbers.region_code_for_number(phonenumbers.parse(f"+{number}"))
    if country is not None and not number.startswith("18"):
        assert plan.country_of(number) == country


@given(st.lists(near_a_number(), max_size=30))
def test_the_cache_changes_no_answer(numbers: list[str]) -> None:
    kept = [plan.country_of(number) for number in numbers]
    plan.country_of_beginning.cache_clear()
    plan.smaller_sharers.cache_clear()
    assert [plan.country_of(number) for number in reversed(numbers)] == kept[::-1]


@given(st.text("0123456789", min_size=7, max_size=7))
def test_polish_numbers_are_refused_only_where_the_plan_gives_them_to_another_use(tail: str) -> None:
    for beginning in (
        "10",
        "11",
        "19",
        "20",
        "45",
        "50",
        "51",
        "53",
        "57",
        "60",
        "66",
        "69",
        "72",
        "78",
        "88",
    ):
        assert plan.normalise(beginning + tail) == f"48{beginning}{tail}"
    for beginning in ("12", "22", "32", "39", "42", "58", "61", "71", "81", "89", "91"):
        assert plan.normalise(beginning + tail) is None


# Settings that ask for nothing: their profile must do what one without them does.
IDLE = {
    "account": {"tokens": ["t"], "registered_senders": ["X"], "low_balance_points": 1.0},
    "numbers": {"magic": True, "ported_share": 0.4},
    "rules": [
        {"country": "PL", "registration": "none", "max_segments": 255},
        {"country": "US", "sender": "numeric", "registration": "all"},
    ],
    "throttle": {
        "requests": {"rate_per_s": 5, "burst": 3},
        "concurrent_requests": 100_000,
        "per_sender": {"short_code": {"segments_per_s": 1, "queue_segments": 1}},
    },
}
PLAIN = {"account": {"tokens": ["t"]}, "throttle": {"requests": {"rate_per_s": 5, "burst": 3}}}
requests = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.05, 1.0]),
        st.lists(st.integers(0, 40), min_size=1, max_size=3),
        st.integers(1, 3),
        st.booleans(),
        st.sampled_from(list(MessageClass)),
    ),
    max_size=25,
)


def run_of(
    sections: dict[str, Any], traffic: list[NetworkSend], seed: int, queue_segments: int | None = None
) -> tuple[list[tuple[int, Effect]], list[JournalRow]]:
    profile = parse_profile(
        {
            "name": "p",
            "reply": {"latency": {"kind": "uniform", "low_s": 0.0, "high_s": 0.4}},
            "accept_queue": {"drain_segments_per_s": 4},
            "delivery": {
                "latency": {"kind": "lognormal", "median_s": 1.0, "p99_s": 9.0},
                "failures": [{"state": "undelivered", "reason": "absent", "share": 0.2}],
            },
            "carriers": [
                {"name": "a", "country": "*", "segments_per_s": 3, "queue_segments": queue_segments},
                {"name": "b", "country": "*", "share": 2},
            ],
        }
        | sections
    )
    effects: list[tuple[int, Effect]] = []
    driver = VirtualDriver(Engine(profile, seed), lambda now_ns, effect: effects.append((now_ns, effect)))
    for number, (pause_s, keys, segments, fast, kind) in enumerate(traffic):
        messages = tuple(Outbound(f"486001{key:05d}", "", "hi", segments, f"k{key}") for key in keys)
        submit = Submit(
            *(number, "smsapi", "t", "Test", messages),
            options=SubmitOptions(priority=fast, message_class=kind),
            reports=ReportsWanted("http://x/"),
        )
        driver.submit(submit, driver.now_ns + round(pause_s * S))
    driver.run()
    return effects, driver.engine.close_rows()


@given(requests, st.integers(0, 5))
def test_idle_settings_change_no_effect(traffic: list[NetworkSend], seed: int) -> None:
    assert run_of(IDLE, traffic, seed, queue_segments=1_000_000) == run_of(PLAIN, traffic, seed)


@given(requests, st.sampled_from(["standard", "priority", "dedicated"]))
def test_every_accepted_message_ends_once_and_frees_its_room(traffic: list[NetworkSend], tier: str) -> None:
    sections = {
        "account": {"tokens": ["t"], "tier": tier, "route_segments_per_s": 2, "daily_messages": 30},
        "rules": [{"country": "PL", "max_segments": 2}],
        "traffic": {"on_violation": "skip_message"},
        "throttle": {
            "concurrent_requests": 3,
            "per_sender": {"alphanumeric": {"segments_per_s": 2, "queue_segments": 8}},
        },
    }
    effects, rows = run_of(sections, traffic, 1, queue_segments=2)
    answers = [effect.answer for _, effect in effects if isinstance(effect, Reply)]
    accepted = [m for answer in answers if isinstance(answer, Accepted) for m in answer.messages]
    reported = [r.provider_id for _, e in effects if isinstance(e, SendReports) for r in e.reports]
    assert sorted(m.provider_id for m in accepted) == sorted(reported)
    assert len(accepted) <= 30 and all(m.segments <= 2 for m in accepted)
    assert all(row.state != "open" for row in rows)
