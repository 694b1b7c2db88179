"""SMSAPI's codes and the engine's refusals: complete, and answered as the table says."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from mock_provider.engine.values import Refused
from mock_provider.protocols.smsapi.error_table import CODES, MESSAGES
from mock_provider.protocols.smsapi.errors import refusal_reply
from mock_provider.protocols.smsapi.services.rest_refusals import REST_STATUS, rest_refusal
from mock_provider.settings.protocols import SmsapiSettings
from mock_provider.settings.values import Refusal

# Codes that the protocol gives for what a request says, before the engine sees it.
OF_THE_REQUEST = frozenset(
    (8, 11, 17, 18, 20, 25, 27, 28, 30, 40, 41, 50, 54, 56, 70, 93, 104, 110, 301, 400, 409)
)
DOCUMENTATION = Path(__file__).parents[5] / "docs" / "smsapi.md"


def test_every_refusal_has_a_code_and_every_code_is_used() -> None:
    assert set(CODES) == set(REST_STATUS) == set(Refusal)
    assert set(MESSAGES) == set(CODES.values()) | OF_THE_REQUEST
    assert not set(CODES.values()) & OF_THE_REQUEST


@pytest.mark.parametrize("refusal", Refusal, ids=lambda refusal: refusal.value)
def test_each_refusal_is_answered_by_its_code(refusal: Refusal) -> None:
    reply = refusal_reply(Refused(refusal), True, SmsapiSettings())
    body = msgspec.json.decode(reply.body)
    if refusal is Refusal.UNAVAILABLE:
        assert (reply.status, body["error"]) == (503, "service_unavailable")
        return
    assert (reply.status, body["error"]) == (200, CODES[refusal])
    assert body["message"] == MESSAGES[CODES[refusal]]
    rest = rest_refusal(Refused(refusal), SmsapiSettings())
    assert rest.status == REST_STATUS[refusal] >= 400


def test_the_documented_table_is_this_table() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+?) \| (.*?) \|", DOCUMENTATION.read_text(), re.MULTILINE)
    documented = {int(code): (meaning, re.findall(r"`(\w+)`", refusals)) for code, meaning, refusals in rows}
    of_code = {code: [r.value for r in Refusal if CODES[r] == code] for code in MESSAGES}
    assert documented == {code: (MESSAGES[code], of_code[code]) for code in MESSAGES}
