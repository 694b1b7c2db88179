"""How SMSAPI reads the numbers, the sender and the report URL of a send."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_provider.engine.values import Submit
from mock_provider.protocols.actions import Instants
from mock_provider.protocols.smsapi import send
from mock_provider.protocols.smsapi.errors import SmsapiError
from mock_provider.protocols.smsapi.fields import Fields, flat_list_of
from mock_provider.protocols.smsapi.numbers import are_msisdns, read_msisdn
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
protocols = st.builds(
    SmsapiSettings,
    deduplicate_recipients=st.booleans(),
    plus_accepted=st.booleans(),
    landlines_accepted=st.booleans(),
    country_code=st.sampled_from(["48", "49"]),
    max_parts=st.sampled_from([1, 6]),
)


@settings(deadline=None, max_examples=500)
@given(fields, protocols)
def test_numbers_read_together_are_read_as_one_by_one(
    wanted: dict[str, Any], protocol: SmsapiSettings
) -> None:
    """A list of plain numbers is checked by one search; any other list number by number."""
    listed = flat_list_of(wanted, "to")
    try:
        submit = send.read_send(wanted, "t", 1, NOW, protocol, 100).submit
    except SmsapiError:
        return
    stripped = [number.strip() for number in listed]
    read = [(number, read_msisdn(number, protocol)) for number in stripped]
    kept = [(msisdn, number) for number, msisdn in read if msisdn is not None]
    if protocol.deduplicate_recipients and wanted.get("allow_duplicates") != "1":
        first = dict(reversed(kept))
        kept = [(msisdn, first[msisdn]) for msisdn in dict.fromkeys(msisdn for msisdn, _ in kept)]
    assert [(m.msisdn, m.submitted_number) for m in submit.messages] == kept
    unparsable = [number for number, msisdn in read if number and msisdn is None]
    assert [each.number for each in submit.unparsable] == unparsable


@pytest.mark.parametrize("count", [1, 3, 1_000])
def test_equal_senders_and_urls_are_one_object(count: int) -> None:
    """A million messages share a string."""
    to = ",".join(str(48_500_000_000 + n) for n in range(count))

    def submit() -> Submit:  # each time with strings of its own
        wanted: Fields = {
            "to": to,
            "message": "Hi",
            "from": "".join("Shop"),
            "notify_url": "/".join(["http:", "", "127.0.0.1", "dlr"]),
        }
        return send.read_send(wanted, "t", 1, NOW, SmsapiSettings(), 10_000).submit

    one, other = submit(), submit()
    assert len(one.messages) == count
    assert one.sender_id is other.sender_id
    assert one.reports is other.reports


@given(numbers, protocols)
def test_a_number_that_is_its_own_msisdn_is_read_as_itself(number: str, protocol: SmsapiSettings) -> None:
    if are_msisdns(number):
        assert read_msisdn(number, protocol) == number
