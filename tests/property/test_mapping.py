"""Values from dispatcher to engine and back give the same result as the protocol's bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import made_message
from nanoseconds import S

from loadtests.simulate.exchange import ByteExchange, Exchange
from loadtests.simulate.exchanges import DIRECT, exchange_of
from mock_provider.engine.values import (
    Accepted,
    AcceptedMessage,
    DeliveryReport,
    MessageState,
    Refused,
    SendReports,
)
from mock_provider.profiles import Profile, parse_profile
from mock_provider.settings.values import Refusal
from reference_sender.api.segments import count_segments
from reference_sender.dispatch.values import Lane, Message

NOW_NS = 90_000 * S + 123_456_789
MOBILE = ("48600100200", "48511222333", "48885000111", "48450000000")
OTHERS = ("447700900123", "4915112345678", "48221234567", "481000000", "12025550123", "48123")
TEXTS = (
    "Hi",
    "Twój kod: 123456",
    "x" * 200,
    "zażółć " * 30,
    "a|b",
    "[%1%]",
    "#Kother-1#",
    "100% {}",
    "€" * 100,
    " a ",
)

keys = st.text("abcXYZ019._-", min_size=1, max_size=12)


def profile_of(**protocol: Any) -> Profile:
    return parse_profile(
        {"name": "p", "carriers": [{"name": "a", "country": "*"}], "protocol": {"smsapi": protocol}}
    )


profiles = st.builds(
    profile_of,
    throttle_answer=st.sampled_from(["error_202", "http_429"]),
    retry_after=st.booleans(),
    send_status=st.sampled_from([200, 201]),
    points_as=st.sampled_from(["number", "string"]),
    max_recipients_per_request=st.sampled_from([1, 3, 10_000]),
    max_parts=st.sampled_from([1, 2, 6]),
    country_code=st.sampled_from(["48", "44"]),
    landlines_accepted=st.booleans(),
    deduplicate_recipients=st.booleans(),
    report_url_bytes=st.sampled_from([500, 7_500]),
)


@st.composite
def batches(draw: st.DrawFn) -> tuple[Message, ...]:
    """What the dispatcher puts into one request: one class, one sender name."""
    count = draw(st.integers(1, 5))
    lane = draw(st.sampled_from(Lane))
    sender_id = draw(st.sampled_from(["Test", "Shop", " Shop", "4860010020", "a&b"]))
    same_text = draw(st.booleans())
    text = draw(st.sampled_from(TEXTS))
    messages = []
    for number, key in enumerate(draw(st.lists(keys, min_size=count, max_size=count, unique=True))):
        own = text if same_text else draw(st.sampled_from(TEXTS))
        to = draw(st.sampled_from(MOBILE) if draw(st.integers(0, 9)) else st.sampled_from(OTHERS))
        life_s = draw(st.sampled_from([1, 300, 1_000, 1_200, 86_400, 200_000, 259_000, 259_200, 10**6]))
        expires_ns = NOW_NS + life_s * S + draw(st.integers(0, S))
        segments = count_segments(own)
        messages.append(
            made_message(
                number,
                key=key,
                to=to,
                text=own,
                lane=lane,
                sender_id=sender_id,
                segments=segments,
                created_ns=NOW_NS - S,
                expires_ns=expires_ns,
            )
        )
    return tuple(messages)


@st.composite
def answers(draw: st.DrawFn, messages: tuple[Message, ...]) -> Accepted | Refused:
    """What an engine may say to a request with these messages."""
    invalid = tuple(sorted(draw(st.sets(st.sampled_from([m.to for m in messages])))))
    if draw(st.booleans()):
        wait_s = draw(st.none() | st.floats(0, 100, allow_subnormal=False))
        return Refused(draw(st.sampled_from(Refusal)), invalid, wait_s)
    taken = [m for m in messages if draw(st.integers(0, 3))]
    price = draw(st.sampled_from([0.0, 0.165, 1 / 3]))
    accepted = tuple(
        AcceptedMessage(str(10**18 + number), m.to, m.to, m.key, m.segments, price)
        for number, m in enumerate(taken)
    )
    left = {m.to for m in messages} - {m.to for m in taken}
    return Accepted(accepted, tuple(number for number in invalid if number in left))


def both(profile: Profile) -> tuple[Exchange, Exchange]:
    direct, through_bytes = (exchange_of(profile, "secret", as_bytes, "smsapi") for as_bytes in (False, True))
    assert not isinstance(direct, ByteExchange) and isinstance(through_bytes, ByteExchange)
    return direct, through_bytes


def test_every_direct_exchange_is_compared_here() -> None:
    assert set(DIRECT) == {"smsapi"}


@settings(deadline=None, max_examples=200)
@given(profiles, batches(), st.data())
def test_a_request_and_its_answer(
    profile: Profile, messages: tuple[Message, ...], data: st.DataObject
) -> None:
    by_values, by_bytes = (exchange.request(NOW_NS, 7, messages) for exchange in both(profile))
    if isinstance(by_bytes, tuple):
        assert isinstance(by_values, tuple) and by_values[0] == by_bytes[0]
        answer = data.draw(answers(messages))
        assert list(by_values[1](answer)) == list(by_bytes[1](answer))
    else:
        assert by_values == by_bytes


@pytest.mark.parametrize("retry_after_s", [None, 0.0, 0.2, 7.5])
@pytest.mark.parametrize("throttle_answer", ["error_202", "http_429"])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal(
    refusal: Refusal, count: int, throttle_answer: str, retry_after_s: float | None
) -> None:
    profile = profile_of(throttle_answer=throttle_answer, retry_after=True)
    messages = tuple(
        made_message(n, key=f"k{n}", to=MOBILE[n], text="Hi", lane=Lane.OTP, expires_ns=10**18)
        for n in range(count)
    )
    values, bytes_ = both(profile)
    for invalid in ((), (MOBILE[0],)):
        refused = Refused(refusal, invalid, retry_after_s)
        by_values, by_bytes = (each.request(NOW_NS, 1, messages) for each in (values, bytes_))
        assert isinstance(by_values, tuple) and isinstance(by_bytes, tuple)
        assert list(by_values[1](refused)) == list(by_bytes[1](refused))


@given(batches())
def test_no_answer(messages: tuple[Message, ...]) -> None:
    by_values, by_bytes = (exchange.unanswered(messages) for exchange in both(profile_of()))
    assert list(by_values) == list(by_bytes)
    assert len(by_values) == len(messages)


reports = st.builds(
    DeliveryReport,
    provider_id=st.integers(10**18, 2**63 - 1).map(str),
    client_ref=st.none() | keys,
    msisdn=st.sampled_from(MOBILE),
    sender_id=st.sampled_from(["Test", "a & b", "Kąt"]),
    state=st.sampled_from(MessageState),
    reason=st.sampled_from(["", "absent_subscriber"]),
    t_state_ns=st.integers(0, 10**15),
    segments=st.integers(1, 6),
    price=st.sampled_from([0.0, 0.165]),
    mcc=st.sampled_from(["", "260"]),
    mnc=st.sampled_from(["", "01"]),
    t_sent_ns=st.integers(0, 10**15),
)


@settings(deadline=None)
@given(profiles, st.lists(reports, min_size=1, max_size=30))
def test_reports_in_every_state(profile: Profile, found: list[DeliveryReport]) -> None:
    effect = SendReports(1, "http://127.0.0.1/reports", tuple(found), 1, "smsapi")
    by_values, by_bytes = (exchange.reports(effect) for exchange in both(profile))
    assert list(by_values) == list(by_bytes)
    assert len(by_values) == len(found)
