"""The official client of Twilio, unmodified, pointed at the provider by an HTTP client of one's own.

A custom ``http_client`` is Twilio's documented way to say where requests go (twilio-python,
advanced-examples/custom-http-client.md).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from waiting import eventually
from wire_provider import StartProvider

from mock_provider.testing import ProviderThread

ACCOUNT, SERVICE = "AC" + "0" * 31 + "1", "MG" + "a" * 32
NUMBER, OTHER, SENDER = "+48500100200", "+48500100201", "+15017122661"
POOL = ("+15017122661", "+15017122662", "+15017122663", "+15017122664")


class ProviderHttpClient(TwilioHttpClient):  # type: ignore[misc]  # twilio has no types
    """Sends what is meant for api.twilio.com to the provider."""

    def __init__(self, url: str) -> None:
        super().__init__(timeout=10)
        self._url = url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        target = urlsplit(url)
        query = "?" + target.query if target.query else ""
        return super().request(method, self._url + target.path + query, *args, **kwargs)


def client_of(provider: ProviderThread, **changes: Any) -> Client:
    credentials = {"username": ACCOUNT, "password": provider.token} | changes
    return Client(http_client=ProviderHttpClient(provider.url), **credentials)


@pytest.fixture
def client(provider: ProviderThread) -> Client:
    return client_of(provider)


@pytest.fixture
def with_pool(start: StartProvider) -> Client:
    services = [{"sid": SERVICE, "senders": POOL}]
    return client_of(start(wire={"twilio": {"messaging_services": services}}))


class CallbackReceiver:
    """Takes status callbacks; each is its parameters and its signature."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls: list[tuple[dict[str, str], str]] = []
        self.requests: list[tuple[str, dict[str, str]]] = []  # target and headers of each
        self.answers: list[int] = []

    def statuses(self) -> list[str]:
        return [parameters["MessageStatus"] for parameters, _ in self.calls]


@pytest.fixture
def callbacks() -> Iterator[CallbackReceiver]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status = receiving.answers.pop(0) if receiving.answers else 204
            receiving.calls.append((dict(parse_qsl(body)), self.headers["X-Twilio-Signature"]))
            receiving.requests.append((self.path, dict(self.headers)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiving = CallbackReceiver(f"http://127.0.0.1:{server.server_address[1]}/status?order=7")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield receiving
    server.shutdown()
    thread.join(10)
    server.server_close()


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
    last = client.messages.create(to=OTHER, from_="Acme", body="c")

    def bodies(**wanted: Any) -> list[str | None]:
        return [m.body for m in client.messages.list(page_size=1, **wanted)]

    eventually(lambda: last.fetch().status == "delivered")
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    assert bodies(to=OTHER) == ["c", "b"]
    assert bodies(from_=SENDER) == ["b", "a"]
    assert bodies(to=OTHER, from_="Acme") == ["c"]
    assert bodies(from_="no such sender") == []
    assert bodies(date_sent_after=now - hour, date_sent_before=now + hour) == ["c", "b", "a"]
    assert bodies(date_sent_after=now + hour) == []
    assert bodies(date_sent_before=now - hour) == []
    sent = last.fetch().date_sent
    assert sent is not None
    assert bodies(date_sent=sent) == ["c", "b", "a"]
    with pytest.raises(TwilioException):
        client.messages.page(page_token="nonsense")


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
        start(delivery={"failures": failures}, wire={"twilio": {"messaging_services": services}})
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


def test_who_may_ask(start: StartProvider) -> None:
    provider = start(wire={"twilio": {"account_sid": ACCOUNT}})
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
    # The people who look into the inbox still see what was sent.
    _, captured = provider.admin("/messages")
    assert [m["text"] for m in captured["messages"]] == ["a secret"]


def test_a_message_under_way_is_not_deleted(start: StartProvider) -> None:
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
    client = client_of(start(account=account, wire={"twilio": {"messaging_services": services}}))
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
        start(throttle={"per_sender": pace}, wire={"twilio": {"messaging_services": services}})
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
