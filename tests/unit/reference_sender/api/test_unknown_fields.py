"""An unknown field is answered with the fields that are allowed at that place."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from reference_sender.api.campaign_controls import OptOutRequest, ResumeRequest, read_body
from reference_sender.api.dead_letters import ReplayRequest
from reference_sender.api.intake import Invalid, read_defaults, read_recipient, read_request
from reference_sender.api.query_strings import fields_of

MESSAGE = {"to": "48500100200", "text": "Hi", "message_class": "otp"}


@pytest.mark.parametrize(
    ("read", "known"),
    [
        (
            lambda: read_request(json.dumps(MESSAGE | {"spending_limit": 1}).encode()),
            "to, text, message_class, key, from, campaign, expires_in_s, send_at, quiet_hours",
        ),
        (
            lambda: read_defaults({"message_class": "otp", "recipient": "x"}),
            "message_class, campaign, from, text, expires_in_s, send_at, quiet_hours, duplicates, "
            "spending_limit, report_language, report_to, recipients",
        ),
        (lambda: read_recipient({"to": "48500100200", "name": "x"}), "to, text, key, expires_in_s"),
        (lambda: read_body(b'{"limit": 1}', ResumeRequest), "spending_limit"),
        (
            lambda: read_body(b'{"filters": {}}', ReplayRequest),
            "ids, filter, after, limit, dry_run, allow_duplicate",
        ),
        (
            lambda: read_body(b'{"filter": {"class": "otp"}}', ReplayRequest),
            "campaign, reason, message_class, route, since, until",
        ),
    ],
)
def test_the_fields_of_the_place_are_listed(read: Callable[[], object], known: str) -> None:
    with pytest.raises(Invalid) as caught:
        read()
    assert caught.value.code == "unknown_field"
    assert caught.value.message.partition("known: ")[2] == known


def test_a_query_that_is_not_utf_8_is_refused() -> None:
    assert fields_of("text=%C4%85") == {"text": "ą"}
    with pytest.raises(Invalid, match="%FF is not a character") as caught:
        fields_of("campaign=may&text=%C4%85%FF")
    assert caught.value.code == "malformed"


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (
            {"numbers": ["1"] * 1_001},
            OptOutRequest,
            "numbers must be a list of 1 to 1,000 phone numbers, each a text",
        ),
        ({"numbers": [1]}, OptOutRequest, "numbers must be a list of 1 to 1,000 phone numbers, each a text"),
        ({"ids": []}, ReplayRequest, "ids must be a list of 1 to 1,000 ids of messages, each a text"),
        ({"limit": 0}, ReplayRequest, "limit must be a whole number from 1 to 1,000"),
        ({"filter": []}, ReplayRequest, "filter must be an object with the fields of a filter"),
        ({"dry_run": 1}, ReplayRequest, "dry_run must be true or false"),
        ({"after": 1}, ReplayRequest, "after must be the id of a message, as a text"),
        ({"allow_duplicate": "x"}, ReplayRequest, "allow_duplicate must be true or false"),
    ],
)
def test_a_wrong_value_of_a_body_is_explained_by_the_rule_of_its_field(
    body: dict[str, object], kind: type[OptOutRequest | ReplayRequest], message: str
) -> None:
    with pytest.raises(Invalid) as caught:
        read_body(json.dumps(body).encode(), kind)
    assert caught.value.message == message


def test_a_body_that_is_no_object_is_explained() -> None:
    for body in (b"[]", b"1", b"null"):
        with pytest.raises(Invalid) as caught:
            read_body(body, OptOutRequest)
        assert caught.value.message == "a JSON object must be given; its fields: numbers"
