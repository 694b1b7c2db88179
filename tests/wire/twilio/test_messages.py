"""Messages, numbers and the account, by Twilio's official client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client
from twilio_client import ACCOUNT, NUMBER, OTHER, POOL, SENDER, SERVICE, client_of
from waiting import eventually
from wire_provider import StartProvider

from mock_provider.testing import ProviderThread


def test_create(client: Client) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    message = client.messages.create(to="+48 500-100-200", from_=SENDER, body="ż" * 71)
    assert message.sid is not None
    assert (message.sid[:2], len(message.sid)) == ("SM", 34)
    assert (message.account_sid, message.messaging_service_sid) == (ACCOUNT, None)
    assert (message.to, message.from_, message.body) == (NUMBER, SENDER, "ż" * 71)
    assert (message.status, message.direction, message.api_version) == (
        "queued",
        "outbound-api",
        "2010-04-01",
    )
    assert (message.num_segments, message.num_media) == ("2", "0")
    assert (message.price, message.price_unit) == (None, "USD")
    assert (message.error_code, message.error_message, message.date_sent) == (None, None, None)
    assert message.date_created is not None
    assert before <= message.date_created <= datetime.now(UTC)
    assert message.uri == f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{message.sid}.json"


def test_fetch(start: StartProvider) -> None:
    client = client_of(start(account={"price_per_segment": 0.0079}))
    sid = client.messages.create(to=NUMBER, from_="Acme", body="hello").sid
    eventually(lambda: client.messages(sid).fetch().status == "delivered")
    message = client.messages(sid).fetch()
    assert (message.body, message.from_, message.price) == ("hello", "Acme", "-0.00790")
    assert message.date_sent is not None
    assert client.messages(sid).media.list() == []
    with pytest.raises(TwilioRestException) as unknown:
        client.messages("SM" + "0" * 32).fetch()
    assert (unknown.value.status, unknown.value.code) == (404, 20404)


def test_a_message_that_fails_says_why(start: StartProvider) -> None:
    failures = [{"state": "undelivered", "reason": "unknown_subscriber", "share": 1.0}]
    client = client_of(start(delivery={"failures": failures}))
    sid = client.messages.create(to=NUMBER, from_=SENDER, body="x").sid
    eventually(lambda: client.messages(sid).fetch().status == "undelivered")
    message = client.messages(sid).fetch()
    assert (message.error_code, message.error_message) == (30005, "Unknown destination handset")


def test_list_pages_right_and_does_not_shift(client: Client) -> None:
    for n in range(8):
        client.messages.create(to=NUMBER, from_=SENDER, body=str(n))
    newest_first = [str(n) for n in reversed(range(8))]
    assert [m.body for m in client.messages.list()] == newest_first
    assert [m.body for m in client.messages.list(limit=5, page_size=2)] == newest_first[:5]
    streamed = client.messages.stream(page_size=3)
    seen = [next(streamed).body for _ in range(2)]
    client.messages.create(to=NUMBER, from_=SENDER, body="came meanwhile")
    assert seen + [m.body for m in streamed] == newest_first
    second = client.messages.page(page_size=3).next_page()
    assert second is not None
    assert [m.body for m in second] == ["5", "4", "3"]
    first = second.previous_page()
    assert first is not None
    assert [m.body for m in first] == ["came meanwhile", "7", "6"]


def test_list_filters(client: Client) -> None:
    client.messages.create(to=NUMBER, from_=SENDER, body="a")
    client.messages.create(to=OTHER, from_=SENDER, body="b")
    client.messages.create(to=OTHER, from_="Acme", body="c")

    def bodies(**wanted: Any) -> list[str | None]:
        return [m.body for m in client.messages.list(page_size=1, **wanted)]

    eventually(lambda: {m.status for m in client.messages.list()} == {"delivered"})
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    assert bodies(to=OTHER) == ["c", "b"]
    assert bodies(from_=SENDER) == ["b", "a"]
    assert bodies(to=OTHER, from_="Acme") == ["c"]
    assert bodies(from_="no such sender") == []
    assert bodies(date_sent_after=now - hour, date_sent_before=now + hour) == ["c", "b", "a"]
    assert bodies(date_sent_after=now + hour) == []
    assert bodies(date_sent_before=now - hour) == []
    sent = {m.body: m.date_sent for m in client.messages.list() if m.date_sent is not None}
    of_one_day = [body for body in "cba" if sent[body].date() == sent["c"].date()]  # all, if no midnight came
    assert bodies(date_sent=sent["c"]) == of_one_day
    assert bodies(date_sent=sent["c"] + timedelta(days=1)) == []
    with pytest.raises(TwilioException):
        client.messages.page(page_token="nonsense")


def test_scheduled_and_cancelled(with_pool: Client) -> None:
    due = datetime.now(UTC) + timedelta(hours=1)
    wanted: dict[str, Any] = {"to": NUMBER, "messaging_service_sid": SERVICE, "body": "x"}
    message = with_pool.messages.create(schedule_type="fixed", send_at=due, **wanted)
    assert (message.status, message.from_) == ("scheduled", None)
    assert message.fetch().status == "scheduled"
    assert message.update(status="canceled").status == "canceled"
    assert message.fetch().status == "canceled"
    with pytest.raises(TwilioRestException) as again:
        message.update(status="canceled")
    assert (again.value.code, again.value.status) == (30409, 409)
    for changes, code in (
        ({"send_at": due}, None),  # without ScheduleType it goes at once
        ({"schedule_type": "fixed"}, 35111),
        ({"schedule_type": "fixed", "send_at": datetime.now(UTC) + timedelta(seconds=200)}, 35114),
        ({"schedule_type": "fixed", "send_at": datetime.now(UTC) + timedelta(days=36)}, 35114),
        ({"schedule_type": "optimised", "send_at": due}, 35126),
    ):
        if code is None:
            assert with_pool.messages.create(**wanted, **changes).status == "accepted"
            continue
        with pytest.raises(TwilioRestException) as refused:
            with_pool.messages.create(**wanted, **changes)
        assert refused.value.code == code


def test_a_messaging_service_chooses_from_its_pool(with_pool: Client) -> None:
    message = with_pool.messages.create(to=NUMBER, messaging_service_sid=SERVICE, body="1")
    assert (message.status, message.from_, message.num_segments) == ("accepted", None, "0")
    assert message.messaging_service_sid == SERVICE
    eventually(lambda: message.fetch().status == "delivered")
    chosen = message.fetch()
    assert chosen.from_ in POOL
    assert (chosen.num_segments, chosen.messaging_service_sid) == ("1", SERVICE)

    def sender_to(number: str, body: str) -> str | None:
        sent = with_pool.messages.create(to=number, messaging_service_sid=SERVICE, body=body)
        eventually(lambda: sent.fetch().from_ is not None)
        chosen_number: str | None = sent.fetch().from_
        return chosen_number

    assert sender_to(NUMBER, "2") == chosen.from_  # the sender sticks to the recipient
    assert len({sender_to(f"+485001003{n:02}", "x") for n in range(20)}) > 1
    own = with_pool.messages.create(to=NUMBER, messaging_service_sid=SERVICE, from_=POOL[3], body="3")
    eventually(lambda: own.fetch().from_ == POOL[3])
    with pytest.raises(TwilioRestException) as foreign:
        with_pool.messages.create(to=NUMBER, messaging_service_sid=SERVICE, from_="+15017120000", body="4")
    assert foreign.value.code == 21711


def test_redacted_and_deleted(client: Client, provider: ProviderThread) -> None:
    message = client.messages.create(to=NUMBER, from_=SENDER, body="a secret")
    eventually(lambda: message.fetch().status == "delivered")
    assert message.update(body="").body == ""
    assert message.fetch().body == ""
    with pytest.raises(TwilioRestException) as rewritten:
        message.update(body="other words")
    assert (rewritten.value.code, rewritten.value.status) == (20001, 400)
    assert message.delete()
    with pytest.raises(TwilioRestException) as gone:
        message.fetch()
    assert gone.value.code == 20404
    assert client.messages.list() == []
    # The inbox still shows what was sent.
    _, captured = provider.admin("/messages")
    assert [m["text"] for m in captured["messages"]] == ["a secret"]


def test_a_message_that_is_not_final_is_not_deleted(start: StartProvider) -> None:
    client = client_of(start(accept_queue={"drain_segments_per_s": 0.001}))
    client.messages.create(to=NUMBER, from_=SENDER, body="x")
    waiting = client.messages.create(to=NUMBER, from_=SENDER, body="x")
    with pytest.raises(TwilioRestException) as refused:
        waiting.delete()
    assert (refused.value.code, refused.value.status) == (20009, 409)


def test_media_are_counted(client: Client) -> None:
    message = client.messages.create(
        to=NUMBER, from_=SENDER, body="look", media_url=["http://127.0.0.1/a.png", "http://127.0.0.1/b.png"]
    )
    assert (message.num_media, message.num_segments) == ("2", "1")
    assert message.sid is not None
    assert message.sid.startswith("MM")
    fetched = client.messages(message.sid).fetch()
    assert (fetched.sid, fetched.num_media) == (message.sid, "2")
    media = client.messages(message.sid).media.list(page_size=1)
    assert [medium.parent_sid for medium in media] == [message.sid] * 2
    assert len({medium.sid for medium in media}) == 2


def test_feedback(client: Client) -> None:
    sid = client.messages.create(to=NUMBER, from_=SENDER, body="x").sid
    feedback = client.messages(sid).feedback.create(outcome="unconfirmed")
    assert (feedback.message_sid, feedback.account_sid, feedback.outcome) == (sid, ACCOUNT, "unconfirmed")
    assert client.messages(sid).feedback.create().outcome == "confirmed"
    for message_sid, outcome, code in (("SM" + "0" * 32, "confirmed", 20404), (sid, "perhaps", 20001)):
        with pytest.raises(TwilioRestException) as refused:
            client.messages(message_sid).feedback.create(outcome=outcome)
        assert refused.value.code == code


def test_the_accounts_numbers(start: StartProvider) -> None:
    services = [{"sid": SERVICE, "senders": POOL}]
    account = {"sender_names": [SENDER, "Acme"]}
    client = client_of(start(account=account, protocol={"twilio": {"messaging_services": services}}))
    numbers = client.incoming_phone_numbers.list(page_size=2)
    assert [number.phone_number for number in numbers] == list(POOL)
    assert client.incoming_phone_numbers(numbers[1].sid).fetch().phone_number == POOL[1]
    assert [n.sid for n in client.incoming_phone_numbers.list(phone_number="2663")] == [numbers[2].sid]
    with pytest.raises(TwilioRestException) as unknown:
        client.incoming_phone_numbers("PN" + "0" * 32).fetch()
    assert (unknown.value.code, unknown.value.status) == (20404, 404)
    with pytest.raises(TwilioException, match="HTTP 401"):
        client_of(start(), password="wrong").incoming_phone_numbers.list()


def test_account_and_balance(start: StartProvider) -> None:
    client = client_of(start(account={"balance_points": 12.5}))
    account = client.api.accounts(ACCOUNT).fetch()
    assert (account.sid, account.status, account.type) == (ACCOUNT, "active", "Full")
    balance = client.balance.fetch()
    assert (balance.balance, balance.currency) == ("12.50", "USD")
