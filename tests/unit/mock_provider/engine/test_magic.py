"""Numbers that choose their own outcome, each as the table in docs/network.md has it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import phonenumbers
import pytest
from nanoseconds import S
from virtual import virtual_provider

from mock_provider.engine.magic import BEGINNINGS, BY_DIGITS, BY_MSISDN
from mock_provider.engine.numbers import normalise
from mock_provider.engine.values import Accepted, Refused
from mock_provider.settings.values import Refusal
from mock_provider.testing import VirtualProvider

MAGIC: dict[str, Any] = {"numbers": {"magic": True}, "delivery": {"validity_s": 500}}
POLISH = BEGINNINGS[0]


def send(p: VirtualProvider, digits: str, beginning: str = POLISH, **fields: Any) -> int:
    return p.send(0, {"key": "k", "msisdn": beginning + digits}, **fields)


@pytest.mark.parametrize("digits", [d for d, magic in BY_DIGITS.items() if magic.refusal is not None])
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_refused_as_the_digits_say(digits: str, beginning: str) -> None:
    p = virtual_provider(**MAGIC)
    request = send(p, digits, beginning)
    p.run()
    assert p.refused(request).reason is BY_DIGITS[digits].refusal
    assert p.row("k").reason == BY_DIGITS[digits].refusal.value
    assert p.engine.state().accepted == 0


@pytest.mark.parametrize(
    ("digits", "state", "reason", "t_final_s"),
    [
        ("00", "delivered", "", 0),
        ("01", "undelivered", "absent_subscriber", 9),
        ("02", "undelivered", "unknown_subscriber", 9),
        ("03", "expired", "handset_off", 500),
        ("04", "rejected", "blocked_by_operator", 9),
        ("05", "unknown", "no_report_from_operator", 9),
        ("06", "delivered", "", 60),
    ],
)
def test_ends_as_the_digits_say_whatever_the_carrier_draws(
    digits: str, state: str, reason: str, t_final_s: int
) -> None:
    failures = [{"state": "undelivered", "reason": "usual", "share": 1.0}]
    delivery = {
        "validity_s": 500,
        "failures": failures,
        "latency": {"kind": "fixed", "value_s": 9},
    }
    p = virtual_provider(
        numbers={"magic": True, "validity": "strict", "invalid_share": 1.0}, delivery=delivery
    )
    send(p, digits)
    p.run()
    row = p.row("k")
    assert (row.state, row.reason, row.t_final_ns) == (state, reason, t_final_s * S)
    assert row.t_confirmed_ns is not None


def test_reports_and_replies_as_the_digits_say() -> None:
    def sent_to(digits: str) -> tuple[VirtualProvider, int]:
        p = virtual_provider(**MAGIC)
        request = send(p, digits)
        p.run()
        return p, request

    p, _ = sent_to("10")
    assert p.calls == [] and p.row("k").state == "delivered"
    p, _ = sent_to("11")
    assert [at_ns for at_ns, _ in p.calls] == [60 * S]
    p, _ = sent_to("12")
    assert len(p.calls) == 2
    p, request = sent_to("30")
    assert type(p.replies[request]) is Accepted and p.calls == []
    p, request = sent_to("31")
    assert request not in p.replies and request not in p.cut_ns and p.row("k").accepts == 1
    assert len(p.calls) == 1  # the message itself goes its way
    p, request = sent_to("32")
    assert request in p.cut_ns and p.row("k").state == "delivered"
    p, request = sent_to("33")
    assert p.replied_ns[request] == 5 * S


def test_a_refusal_leaves_the_rest_of_the_request_alone() -> None:
    p = virtual_provider(**MAGIC)
    bad = {"key": "bad", "msisdn": POLISH + "23"}
    nobody = {"key": "nobody", "msisdn": POLISH + "27"}
    answer = p.replies[p.send(0, "good", bad, nobody)]
    assert isinstance(answer, Accepted)
    assert [m.msisdn for m in answer.messages] == ["48600100200"]
    assert answer.invalid_numbers == (POLISH + "27",)
    p.run()
    reasons = {key: p.row(key).reason for key in ("good", "bad", "nobody")}
    assert reasons == {"good": "", "bad": "recipient_blocked", "nobody": "no_valid_recipient"}
    refused = p.replies[p.send(1, bad | {"key": "again"}, unparsable=())]
    assert refused == Refused(Refusal.RECIPIENT_BLOCKED)


def test_no_magic_without_the_setting() -> None:
    p = virtual_provider()
    for msisdn in BY_MSISDN:
        assert type(p.replies[p.send(0, {"key": msisdn, "msisdn": msisdn})]) is Accepted
    p.run()
    assert p.engine.state().counters["delivered"] == len(BY_MSISDN)


def test_magic_numbers_belong_to_no_subscriber() -> None:
    """Unassigned, or in a range that a regulator keeps for films; and a protocol takes them for numbers."""
    for msisdn in BY_MSISDN:
        assert normalise(msisdn) == msisdn
    assert not phonenumbers.is_valid_number(phonenumbers.parse(f"+{BEGINNINGS[0]}00"))
    assert all(re.fullmatch(r"1202555(01)\d\d", n) for n in BY_MSISDN if n.startswith("1"))
    assert all(447700900000 <= int(n) <= 447700900999 for n in BY_MSISDN if n.startswith("44"))


def test_the_documented_table_is_the_code() -> None:
    text = (Path(__file__).parents[4] / "docs" / "network.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| (\d\d) \| (.+) \|$", text, re.MULTILINE))
    assert rows == {digits: magic.name for digits, magic in BY_DIGITS.items()}
    for beginning in BEGINNINGS:
        assert beginning in re.sub(r"[ x]", "", text)
