"""What an error reply says, as its protocol reads it."""

from __future__ import annotations

import pytest

from mock_provider.http.messages import HttpResponse
from mock_provider.profiles import load_profile
from mock_provider.protocols.actions import RefusalText
from mock_provider.protocols.http_protocol import HttpProtocol, ProtocolContext
from mock_provider.protocols.registry import HTTP_PROTOCOLS
from mock_provider.protocols.unread_fields import UnreadFields


def protocol(name: str) -> HttpProtocol:
    return HTTP_PROTOCOLS[name](ProtocolContext(0, UnreadFields()))(load_profile("fast"))


@pytest.mark.parametrize(
    ("name", "status", "body", "read"),
    [
        ("smsapi", 200, b"ERROR:101", RefusalText("101", unauthorized=True)),
        ("smsapi", 200, b"ERROR:13", RefusalText("13")),
        (
            "smsapi",
            200,
            b'{"error":101,"message":"Authorization failed"}',
            RefusalText("101", "Authorization failed", True),
        ),
        ("smsapi", 200, b'{"invalid_numbers":[],"error":13,"message":"No"}', RefusalText("13", "No")),
        (
            "smsapi",
            401,
            b'{"message":"Authorization failed","error":"authorization_failed"}',
            RefusalText("authorization_failed", "Authorization failed", True),
        ),
        ("smsapi", 503, b"<html>", RefusalText("503")),
        ("smsapi", 200, b'{"count":1,"list":[]}', None),
        (
            "twilio",
            401,
            b'{"code":20003,"message":"Authenticate","status":401}',
            RefusalText("20003", "Authenticate", True),
        ),
        ("twilio", 201, b'{"sid":"SM1","error_code":null}', None),
        (
            "generic",
            422,
            b'{"title":"The text takes too many segments"}',
            RefusalText("422", "The text takes too many segments"),
        ),
        ("generic", 202, b'{"messages":[]}', None),
    ],
)
def test_an_error_reply(name: str, status: int, body: bytes, read: RefusalText | None) -> None:
    assert protocol(name).errors.read(HttpResponse(status, body)) == read


@pytest.mark.parametrize("name", HTTP_PROTOCOLS)
def test_every_protocol_reads_its_own_error_replies(name: str) -> None:
    errors = protocol(name).errors
    for reply in (errors.unavailable, errors.failed):
        read = errors.read(reply)
        assert read is not None and read.code and read.text and not read.unauthorized
