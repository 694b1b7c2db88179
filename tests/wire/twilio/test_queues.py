"""Queues of sender numbers, and how long a message waits in them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio_client import NUMBER, POOL, SENDER, SERVICE, CallbackReceiver, client_of
from waiting import eventually
from wire_provider import StartProvider


@pytest.mark.parametrize(
    ("sender", "form"),
    [
        ("+15017122661", "long_code"),
        ("+18005550123", "toll_free"),
        ("12345", "short_code"),
        ("Acme", "alphanumeric"),
    ],
)
def test_a_sender_number_queues_and_its_full_queue_refuses(
    start: StartProvider, sender: str, form: str
) -> None:
    pace = {form: {"segments_per_s": 0.001, "queue_segments": 2}}
    client = client_of(start(throttle={"per_sender": pace}))
    sent = [client.messages.create(to=NUMBER, from_=sender, body="x") for _ in range(3)]
    assert [message.fetch().status for message in sent[1:]] == ["queued", "queued"]
    with pytest.raises(TwilioRestException) as full:
        client.messages.create(to=NUMBER, from_=sender, body="x")
    assert (full.value.code, full.value.status) == (21611, 429)
    # Another sender has a queue of its own.
    assert client.messages.create(to=NUMBER, from_=sender[:-1] + "9", body="x").status == "queued"


def test_a_full_queue_fails_what_a_service_has_accepted(
    start: StartProvider, callbacks: CallbackReceiver
) -> None:
    services = [{"sid": SERVICE, "senders": POOL[:1]}]
    pace = {"long_code": {"segments_per_s": 0.001, "queue_segments": 1}}
    client = client_of(
        start(throttle={"per_sender": pace}, protocol={"twilio": {"messaging_services": services}})
    )
    wanted: dict[str, Any] = {"to": NUMBER, "messaging_service_sid": SERVICE, "body": "x"}
    for _ in range(2):
        client.messages.create(**wanted)
    over = client.messages.create(status_callback=callbacks.url, **wanted)
    assert over.status == "accepted"
    eventually(lambda: over.fetch().status == "failed")
    assert (over.fetch().error_code, over.fetch().error_message) == (30001, "Queue overflow")
    eventually(lambda: callbacks.statuses() == ["failed"])
    assert callbacks.calls[0][0]["ErrorCode"] == "30001"


def test_what_waits_longer_than_its_validity_fails(start: StartProvider) -> None:
    pace = {"long_code": {"segments_per_s": 0.7}}
    client = client_of(start(throttle={"per_sender": pace}))
    for _ in range(2):
        client.messages.create(to=NUMBER, from_=SENDER, body="x")
    hasty = client.messages.create(to=NUMBER, from_=SENDER, body="x", validity_period=1)
    eventually(lambda: hasty.fetch().status == "failed")
    assert (hasty.fetch().error_code, hasty.fetch().error_message) == (30036, "Validity Period Expired")


def test_a_validity_is_that_of_the_queue_alone(start: StartProvider) -> None:
    client = client_of(start(delivery={"latency": {"kind": "fixed", "value_s": 1.2}}))
    message = client.messages.create(to=NUMBER, from_=SENDER, body="x", validity_period=1)
    eventually(lambda: message.fetch().status not in ("queued", "sending", "sent"))
    assert message.fetch().status == "delivered"


def test_more_at_once_than_the_account_may_is_429(start: StartProvider) -> None:
    provider = start(
        throttle={"concurrent_requests": 1}, reply={"latency": {"kind": "fixed", "value_s": 0.5}}
    )
    wanted = {"to": NUMBER, "from_": SENDER, "body": "x"}
    first = threading.Thread(target=lambda: client_of(provider).messages.create(**wanted))
    first.start()
    eventually(lambda: provider.state()["gauges"]["pending_replies"] == 1)
    with pytest.raises(TwilioRestException) as throttled:
        client_of(provider).messages.create(**wanted)
    assert (throttled.value.code, throttled.value.status) == (20429, 429)
    first.join(10)
    assert client_of(provider).messages.create(**wanted).status == "queued"
