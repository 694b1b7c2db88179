"""Status callbacks as Twilio's official validator checks them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio_client import ACCOUNT, NUMBER, OTHER, POOL, SENDER, SERVICE, CallbackReceiver, client_of
from waiting import eventually
from wire_provider import StartProvider

from mock_provider.testing import ProviderThread


def test_status_callbacks_are_signed(
    provider: ProviderThread, client: Client, callbacks: CallbackReceiver
) -> None:
    message = client.messages.create(to=NUMBER, from_=SENDER, body="x", status_callback=callbacks.url)
    eventually(lambda: len(callbacks.calls) == 2)
    assert sorted(callbacks.statuses()) == ["delivered", "sent"]  # none for queued, and in any order
    validator = RequestValidator(provider.token)
    for parameters, signature in callbacks.calls:
        assert validator.validate(callbacks.url, parameters, signature)
        assert not validator.validate(callbacks.url, parameters | {"To": OTHER}, signature)
        assert not RequestValidator("another token").validate(callbacks.url, parameters, signature)
        assert parameters["MessageSid"] == parameters["SmsSid"] == message.sid
        assert parameters["MessageStatus"] == parameters["SmsStatus"]
        assert (parameters["To"], parameters["From"]) == (NUMBER, SENDER)
        assert (parameters["AccountSid"], parameters["ApiVersion"]) == (ACCOUNT, "2010-04-01")
        assert "ErrorCode" not in parameters


def test_a_receiver_behind_basic_auth_validates_the_url_it_sees(
    provider: ProviderThread, client: Client, callbacks: CallbackReceiver
) -> None:
    """Twilio drops user and password before it signs, and sends them as Basic (twilio-aspnet#18)."""
    with_password = callbacks.url.replace("http://", "http://joe:s3cret@") + "&note=ż%20a#part"
    client.messages.create(to=NUMBER, from_=SENDER, body="x", status_callback=with_password)
    eventually(lambda: len(callbacks.calls) == 2)
    validator = RequestValidator(provider.token)
    for (parameters, signature), (target, headers) in zip(callbacks.calls, callbacks.requests, strict=True):
        assert target == "/status?order=7&note=%C5%BC%20a"
        assert headers["Authorization"] == "Basic am9lOnMzY3JldA=="
        assert headers["User-Agent"] == "TwilioProxy/1.1"
        assert validator.validate(f"http://{headers['Host']}{target}", parameters, signature)
    tokens = {headers["I-Twilio-Idempotency-Token"] for _, headers in callbacks.requests}
    assert len(tokens) == 2


def test_a_services_message_is_called_back_for_queued(with_pool: Client, callbacks: CallbackReceiver) -> None:
    with_pool.messages.create(
        to=NUMBER, messaging_service_sid=SERVICE, body="x", status_callback=callbacks.url
    )
    eventually(lambda: len(callbacks.calls) == 3)
    assert sorted(callbacks.statuses()) == ["delivered", "queued", "sent"]
    queued = next(p for p, _ in callbacks.calls if p["MessageStatus"] == "queued")
    assert (queued["From"] in POOL, queued["MessagingServiceSid"]) == (True, SERVICE)


def test_a_cancelled_message_is_called_back(with_pool: Client, callbacks: CallbackReceiver) -> None:
    message = with_pool.messages.create(
        to=NUMBER,
        messaging_service_sid=SERVICE,
        body="x",
        schedule_type="fixed",
        send_at=datetime.now(UTC) + timedelta(hours=1),
        status_callback=callbacks.url,
    )
    message.update(status="canceled")
    eventually(lambda: callbacks.statuses() == ["canceled"])
    assert callbacks.calls[0][0]["MessageSid"] == message.sid


def test_a_failure_is_called_back_with_its_code(start: StartProvider, callbacks: CallbackReceiver) -> None:
    failures = [{"state": "rejected", "reason": "spam", "share": 1.0}]
    services = [{"sid": SERVICE, "senders": POOL[:1]}]
    client = client_of(
        start(delivery={"failures": failures}, protocol={"twilio": {"messaging_services": services}})
    )
    client.messages.create(to=NUMBER, messaging_service_sid=SERVICE, body="x", status_callback=callbacks.url)
    eventually(lambda: "undelivered" in callbacks.statuses())
    parameters = next(p for p, _ in callbacks.calls if p["MessageStatus"] == "undelivered")
    assert (parameters["ErrorCode"], parameters["MessagingServiceSid"]) == ("30007", SERVICE)


def test_a_callback_is_confirmed_by_any_2xx(start: StartProvider, callbacks: CallbackReceiver) -> None:
    provider = start(reports={"retry_after_s": [0.01]})
    callbacks.answers = [500, 500, 500]
    client = client_of(provider)
    client.messages.create(to=NUMBER, from_=SENDER, body="x", status_callback=callbacks.url)
    eventually(lambda: provider.state()["counters"]["reports_confirmed"] == 1)
    assert callbacks.statuses().count("sent") == 1  # told once, whatever was answered
    assert callbacks.statuses().count("delivered") in (3, 4)
    tokens = {
        headers["I-Twilio-Idempotency-Token"]
        for (parameters, _), (_, headers) in zip(callbacks.calls, callbacks.requests, strict=True)
        if parameters["MessageStatus"] == "delivered"
    }
    assert len(tokens) == 1
