"""Every limit of a message's fields: the last value that is allowed, and the first that is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reference_sender.api.intake import (
    Intake,
    Invalid,
    read_defaults,
    read_recipient,
    read_request,
)
from reference_sender.dispatch.values import Message

DAYS_3_S = 72 * 3600
PLAIN = {"to": "48500100200", "text": "hello", "message_class": "otp"}
ALLOWED: list[tuple[str, Any]] = [
    ("to", "48500100"),
    ("to", "+48500100"),
    ("to", "485001002001234"),
    ("to", "+485001002001234"),
    ("text", "a"),
    ("text", "a" * 160),
    ("text", "a" * 161),
    ("text", "a" * 918),
    ("text", "€" * 456),  # two septets each, of which no segment holds half
    ("text", "ą" * 402),
    ("text", "😀" * 198),
    ("key", "k"),
    ("key", "a.B_9-" + "x" * 58),
    ("from", "A"),
    ("from", "Shop & Co-1"),
    ("from", "123"),
    ("from", "+" + "1" * 15),
    ("campaign", "c"),
    ("campaign", "c" * 64),
    ("expires_in_s", 1),
    ("expires_in_s", 1.0),
    ("expires_in_s", DAYS_3_S),
    ("expires_in_s", float(DAYS_3_S)),
]
REFUSED: list[tuple[str, Any]] = [
    ("to", "4850010"),
    ("to", "4850010020012345"),
    ("to", "04850010020"),
    ("to", "++48500100200"),
    ("to", "48500100200\n"),
    ("text", "a" * 919),
    ("text", "€" * 457),
    ("text", "ą" * 403),
    ("text", "😀" * 199),
    ("key", ""),
    ("key", "k" * 65),
    ("key", "k\n"),
    ("from", ""),
    ("from", "A" * 12),
    ("from", "12345678901234567"),
    ("from", "+12"),
    ("campaign", "c" * 65),
    ("campaign", "c\n"),
    ("expires_in_s", 0.999),
    ("expires_in_s", DAYS_3_S + 0.001),
    ("expires_in_s", -1),
    ("expires_in_s", 1e300),
]


def single(name: str, value: Any) -> Message:
    return Intake("t", "1", 0, 6).message(read_request(json.dumps(PLAIN | {name: value}).encode()), 10**18)


def row(name: str, value: Any) -> Message:
    """As one row of a campaign, or as what its rows share."""
    shared: dict[str, Any] = {"message_class": "otp", "text": "hello"}
    recipient: dict[str, Any] = {"to": "48500100200"}
    (shared if name in ("from", "campaign") else recipient)[name] = value
    part = Intake("t", "1", 0, 6).shared_part(read_defaults(shared), shared.get("campaign", "c"), 10**18)
    return Intake("t", "1", 0, 6).row(read_recipient(recipient), part, 10**18)


@pytest.mark.parametrize("make", [single, row])
@pytest.mark.parametrize(("name", "value"), ALLOWED, ids=lambda value: repr(value)[:24])
def test_the_last_value_that_is_allowed_is_taken(make: Any, name: str, value: Any) -> None:
    message = make(name, value)
    taken = {
        "to": message.to,
        "text": message.text,
        "key": message.key,
        "from": message.sender_id,
        "campaign": message.campaign,
        "expires_in_s": (message.expires_ns - message.created_ns) / 1e9,
    }
    assert taken[name] == (value.lstrip("+") if name == "to" else value)


@pytest.mark.parametrize("make", [single, row])
@pytest.mark.parametrize(("name", "value"), REFUSED, ids=lambda value: repr(value)[:24])
def test_the_first_value_beyond_it_is_refused(make: Any, name: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        make(name, value)
    assert refused.value.field == name
    assert name in refused.value.message


@pytest.mark.parametrize("value", [1, DAYS_3_S])
def test_shared_fields_of_a_campaign_have_the_same_limits(value: int) -> None:
    assert (
        Intake("t", "1", 0, 6)
        .shared_part(read_defaults({"message_class": "otp", "expires_in_s": value}), "c", 10**18)
        .terms.expiry_ns
        == value * 10**9
    )
    as_text = read_defaults({"message_class": "otp", "expires_in_s": str(value)}, strict=False)
    assert Intake("t", "1", 0, 6).shared_part(as_text, "c", 10**18).terms.expiry_ns == value * 10**9


def test_a_value_of_a_client_is_repeated_in_short() -> None:
    with pytest.raises(Invalid) as refused:
        read_recipient({"to": "48500100200", "x" * 60_000: 1})
    assert len(refused.value.field) < 100
    assert len(refused.value.message) < 300


def test_generated_keys_do_not_come_again_with_the_ids_of_a_restored_store() -> None:
    """The provider would drop the new message as a repeat of the one that it accepted before."""
    request = json.dumps(PLAIN).encode()
    keys = [Intake("t", start, 17, 6).message(read_request(request), 10**18).key for start in ("a1", "b2")]
    assert keys == ["sta1-18", "stb2-18"]
    assert len(Intake("0123abcd", "0123ab", 2**62, 6).message(read_request(request), 10**18).key) <= 36


def test_the_key_of_a_replay_is_that_of_its_message() -> None:
    """It is the same after a restart, and another one for a message with the same id in a restored store."""
    one = Intake("t", "a1", 17, 6).message(read_request(json.dumps(PLAIN).encode()), 10**18)
    other = Intake("t", "b2", 17, 6).message(read_request(json.dumps(PLAIN).encode()), 10**18)
    assert one.message_id == other.message_id
    keys = [Intake("t", start, 99, 6).replay(one, 10**18).key for start in ("a1", "b2")]
    assert len(set(keys)) == 1
    assert Intake("t", "b2", 99, 6).replay(other, 10**18).key not in keys
