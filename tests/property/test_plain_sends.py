"""The short way of reading and answering plain requests has the outcome of the long way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_provider.engine.segments import count_segments, segments_of
from mock_provider.engine.values import Accepted, AcceptedMessage, Submit
from mock_provider.protocols.actions import Instants
from mock_provider.protocols.smsapi import answers, fast_path, send
from mock_provider.protocols.smsapi.errors import SmsapiError
from mock_provider.protocols.smsapi.numbers import read_msisdn
from mock_provider.settings.protocols import SmsapiSettings

NOW = Instants(5_000_000_000, 1_700_000_000.0)

numbers = st.one_of(
    st.integers(500_000_000, 899_999_999).map(lambda n: f"48{n}"),
    st.integers(500_000_000, 899_999_999).map(str),
    st.integers(10_000_000, 10**15).map(str),
    st.sampled_from(["48500100200", "+48500100200", "48 500 100 200", "482212345", "x", "", "0048500100200"]),
    st.from_regex("[0-9]{7,16}", fullmatch=True),
)
references = st.text(st.characters(codec="utf-8"), max_size=5) | st.sampled_from(["a", "b|c", "x" * 256])
texts = st.text(max_size=200) | st.sampled_from(["Hi", "code #Kk-1# x", " ", "ż" * 70, "ż" * 71, "{" * 80])
optional = {
    "from": st.sampled_from(["", "Test", " A ", "ElevenChars", "TwelveChars!", "48500100200"]),
    "idx": st.one_of(
        references,
        st.lists(references, max_size=3),
        st.lists(st.sampled_from("ab"), max_size=3).map("|".join),
    ),
    "format": st.sampled_from(["json", "xml"]),
    "check_idx": st.sampled_from(["1", "0", "", "true", "false"]),
    "fast": st.sampled_from(["1", "0"]),
    "allow_duplicates": st.sampled_from(["1", "0"]),
    "notify_url": st.sampled_from(["http://127.0.0.1/d", "http://example.com/", "", "http://127.0.0.1/\x01"]),
    "expiration_date": st.sampled_from(["1700003600", "1600000000", "x", ""]),
    "details": st.just("1"),
}
several = st.lists(numbers, max_size=3)
to = several | several.map(",".join) | st.integers(2, 4).map(lambda n: ["48500100200"] * n)
fields = st.builds(
    lambda to, text, rest: {"to": to, "message": text} | rest,
    to,
    texts,
    st.fixed_dictionaries({}, optional=optional),
)
wires = st.builds(
    SmsapiSettings,
    deduplicate_recipients=st.booleans(),
    plus_accepted=st.booleans(),
    landlines_accepted=st.booleans(),
    country_code=st.sampled_from(["48", "49"]),
    max_parts=st.sampled_from([1, 6]),
)


def outcome(
    read: Callable[..., object], wanted: dict[str, Any], protocol: SmsapiSettings, limit: int
) -> object:
    try:
        return read(wanted, "t", 1, NOW, protocol, limit)
    except SmsapiError as error:
        return error.code


@settings(deadline=None, max_examples=500)
@given(fields, wires, st.sampled_from([2, 100]))
def test_plain_requests_are_read_as_in_full(
    wanted: dict[str, Any], protocol: SmsapiSettings, limit: int
) -> None:
    short = outcome(fast_path.read_plain, wanted, protocol, limit)
    if short is not None:
        full: Any = outcome(send.read_send, wanted, protocol, limit)
        assert full == (
            short if not isinstance(short, Submit) else send.SendRequest(short, full.as_json, None, None)
        )


@pytest.mark.parametrize("count", [1, 3, 1_000])
@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("with_references", [True, False])
def test_an_ordinary_request_is_plain(count: int, as_json: bool, with_references: bool) -> None:
    """Else the short way would prove nothing."""
    listed = [str(48_500_000_000 + n) for n in range(count)]
    wanted = {
        "to": listed if as_json else ",".join(listed),
        "message": "Hi",
        "from": "Test",
        "format": "json",
    }
    if with_references:
        named = [f"r-{n}" for n in range(count)]
        wanted["idx"] = named if as_json and count > 1 else "|".join(named)
    if as_json and count == 1:
        wanted["to"] = listed[0]
    submit = fast_path.read_plain(wanted, "t", 1, NOW, SmsapiSettings(), 10_000)
    assert submit is not None
    assert [m.msisdn for m in submit.messages] == listed


@given(numbers, wires)
def test_a_number_that_is_its_own_msisdn_is_read_as_itself(number: str, protocol: SmsapiSettings) -> None:
    if fast_path.are_msisdns(number):
        assert read_msisdn(number, protocol) == number


@given(texts | st.text(alphabet="a{€ż\u0060\n\x00\U0001f600", max_size=400))
def test_segments_are_those_of_the_count(text: str) -> None:
    assert segments_of(text) == count_segments(text).segments


accepted = st.lists(
    st.builds(
        AcceptedMessage,
        st.from_regex("[0-9]{19}", fullmatch=True),
        numbers,
        numbers | st.text(max_size=4),
        st.none() | references,
        st.integers(1, 6),
        st.sampled_from([0.0, 0.165, 0.33, 1 / 3, 1e16]),
    ),
    max_size=4,
).map(lambda messages: Accepted(tuple(messages)))


@given(accepted, st.sampled_from(["number", "string"]))
def test_an_answer_written_in_pieces_says_what_the_encoder_says(
    answer: Accepted, points_as: Literal["number", "string"]
) -> None:
    protocol = SmsapiSettings(points_as=points_as)
    written = answers.render_send(protocol, answers.AnswerStyle(True, 1_700_000_000), answer).body
    items = answers._items(answer, protocol, 1_700_000_000)
    expected = answers._encoder.encode(answers._Sent(len(items), items))
    assert written == expected
    assert json.loads(written)["count"] == len(answer.messages)
