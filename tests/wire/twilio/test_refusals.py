"""Requests that are refused, by Twilio's codes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client
from twilio_client import ACCOUNT, NUMBER, SENDER, SERVICE, client_of
from wire_provider import StartProvider

from mock_provider.testing import ProviderThread


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"to": ""}, 21604, 400),
        ({"from_": ""}, 21603, 400),
        ({"body": ""}, 21602, 400),
        ({"body": "x" * 1601}, 21617, 400),
        ({"to": "12345"}, 21211, 400),
        ({"to": "whatsapp:+48500100200"}, 21211, 400),
        ({"to": "+48221234567"}, 21614, 400),
        ({"from_": "A name too long"}, 21212, 400),
        ({"to": "+15005550002"}, 21612, 400),
        ({"to": "+15005550003"}, 21408, 400),
        ({"to": "+15005550004"}, 21610, 400),
        ({"to": "+15005550009"}, 21614, 400),
        ({"from_": "+15005550007"}, 21606, 400),
        ({"from_": "+15005550008"}, 21611, 429),
        ({"status_callback": "http://example.com/status"}, 21609, 400),
        ({"status_callback": "no url"}, 21609, 400),
        ({"validity_period": 0}, 90007, 400),
        ({"validity_period": 36_001}, 90007, 400),
        ({"messaging_service_sid": "MG1"}, 21705, 400),
        ({"messaging_service_sid": SERVICE}, 21701, 400),
        ({"media_url": [f"http://127.0.0.1/{n}.png" for n in range(11)]}, 21623, 400),
        ({"body": "", "content_sid": "HX" + "0" * 32}, 21655, 400),
        ({"schedule_type": "fixed", "send_at": datetime(2099, 1, 1, tzinfo=UTC)}, 35118, 400),
    ],
)
def test_refused_by_its_code(client: Client, changes: dict[str, Any], code: int, status: int) -> None:
    wanted: dict[str, Any] = {"to": NUMBER, "from_": SENDER, "body": "x"} | changes
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(**wanted)
    assert (refused.value.code, refused.value.status) == (code, status)


def test_the_accounts_own_senders_and_suspension(start: StartProvider) -> None:
    client = client_of(start(account={"sender_names": [SENDER]}))
    assert client.messages.create(to=NUMBER, from_=SENDER, body="x").status == "queued"
    with pytest.raises(TwilioRestException) as foreign:
        client.messages.create(to=NUMBER, from_="+15017122999", body="x")
    assert (foreign.value.code, foreign.value.status) == (21606, 400)
    assert "+15017122999" in foreign.value.msg
    with pytest.raises(TwilioRestException) as suspended:
        client_of(start(account={"suspended": True})).messages.create(to=NUMBER, from_=SENDER, body="x")
    assert (suspended.value.code, suspended.value.status) == (20403, 403)


@pytest.mark.parametrize("limit", ["requests", "segments"])
def test_over_the_limit_is_429_with_20429(start: StartProvider, limit: str) -> None:
    client = client_of(start(throttle={limit: {"rate_per_s": 0.001, "burst": 1}}))
    client.messages.create(to=NUMBER, from_=SENDER, body="x")
    with pytest.raises(TwilioRestException) as throttled:
        client.messages.create(to=NUMBER, from_=SENDER, body="x")
    assert (throttled.value.code, throttled.value.status) == (20429, 429)
    assert "Too Many Requests" in throttled.value.msg


def test_credentials_are_checked(start: StartProvider) -> None:
    provider = start(protocol={"twilio": {"account_sid": ACCOUNT}})
    wanted = {"to": NUMBER, "from_": SENDER, "body": "x"}
    key = client_of(provider, username="SK" + "0" * 32, account_sid=ACCOUNT)
    sid = key.messages.create(**wanted).sid
    assert client_of(provider).messages(sid).fetch().account_sid == ACCOUNT
    for stranger in (
        client_of(provider, password="wrong"),
        client_of(provider, username="AC" + "2" * 32),
        client_of(provider, username="AC" + "2" * 32, account_sid=ACCOUNT),
    ):
        for ask in (lambda c: c.messages.create(**wanted), lambda c: c.messages(sid).fetch()):
            with pytest.raises(TwilioRestException) as refused:
                ask(stranger)
            assert (refused.value.code, refused.value.status) == (20003, 401)


def test_accounts_do_not_see_each_others_messages(provider: ProviderThread) -> None:
    sid = client_of(provider).messages.create(to=NUMBER, from_=SENDER, body="x").sid
    neighbour = client_of(provider, username="AC" + "2" * 32)
    assert neighbour.messages.list() == []
    with pytest.raises(TwilioRestException) as unknown:
        neighbour.messages(sid).fetch()
    assert unknown.value.code == 20404


def test_an_outage_is_503(start: StartProvider) -> None:
    client = client_of(start(faults=[{"kind": "outage", "start_s": 0.0, "end_s": 1000.0}]))
    asks: list[Callable[[], object]] = [
        lambda: client.messages.create(to=NUMBER, from_=SENDER, body="x"),
        lambda: client.balance.fetch(),
    ]
    for ask in asks:
        with pytest.raises(TwilioRestException) as refused:
            ask()
        assert (refused.value.code, refused.value.status) == (20503, 503)
