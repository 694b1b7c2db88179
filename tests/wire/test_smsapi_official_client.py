"""The official client of SMSAPI, unmodified, pointed at the provider by its own public constructor.

Each test asserts what the real service returns: shapes and words are those of the client's own test fixtures.
"""

from __future__ import annotations

import time

import pytest
from smsapi.client import Client
from smsapi.exception import EndpointException, SendException
from wire_provider import StartProvider

from mock_provider.testing import ProviderThread

NUMBER, OTHER = "48500100200", "48500100201"


@pytest.fixture
def client(provider: ProviderThread) -> Client:
    return client_of(provider)


def client_of(provider: ProviderThread, token: str | None = None) -> Client:
    return Client(provider.url + "/", access_token=token or provider.token)


def test_send_one(client: Client) -> None:
    before = int(time.time())
    result = client.sms.send(to=NUMBER, message="Hello", from_="Test")
    assert result.count == 1
    (sent,) = result.results
    assert len(sent.id) == 19
    assert sent.id.isdigit()
    assert (sent.number, sent.submitted_number, sent.status) == (NUMBER, NUMBER, "QUEUE")
    assert (sent.error, sent.idx, sent.parts) == (None, None, 1)
    assert before <= sent.date_sent <= int(time.time())
    assert isinstance(sent.points, int | float)


def test_send_many(client: Client) -> None:
    result = client.sms.send(to=[NUMBER, "500100201", NUMBER], message="ż" * 71)
    assert [(s.number, s.submitted_number, s.parts) for s in result.results] == [
        (NUMBER, NUMBER, 2),
        (OTHER, "500100201", 2),
    ]
    assert result.count == 2


def test_send_with_idx_and_its_uniqueness(client: Client) -> None:
    result = client.sms.send(to=[NUMBER, OTHER], message="x", idx=["id-1", "id-2"], check_idx=1)
    assert [s.idx for s in result.results] == ["id-1", "id-2"]
    with pytest.raises(SendException) as repeated:
        client.sms.send(to=NUMBER, message="x", idx="id-2", check_idx=1)
    assert repeated.value.code == 53
    assert client.sms.send(to=NUMBER, message="x", idx="id-2").count == 1
    with pytest.raises(SendException) as uneven:
        client.sms.send(to=[NUMBER, OTHER], message="x", idx=["id-3"])
    assert uneven.value.code == 20


def test_send_with_parameters(client: Client, provider: ProviderThread) -> None:
    result = client.sms.send(
        to=[NUMBER, OTHER], message="Hi [%1%], you owe [%2%]", param1=["Ann", "Bo"], param2=["1", "2"]
    )
    assert result.count == 2
    _, captured = provider.admin("/messages")
    assert [m["text"] for m in captured["messages"]] == ["Hi Bo, you owe 2", "Hi Ann, you owe 1"]
    with pytest.raises(SendException) as uneven:
        client.sms.send(to=NUMBER, message="[%1%]", param1=["a", "b"])
    assert uneven.value.code == 18


def test_send_with_details(client: Client) -> None:
    result = client.sms.send(to=NUMBER, message="€uro", details=1)
    assert (result.message, result.length, result.parts, result.count) == ("€uro", 5, 1, 1)


def test_fast_costs_half_as_much_again_and_flash_goes_through(start: StartProvider) -> None:
    client = client_of(start(account={"price_per_segment": 0.16, "balance_points": 10.0}))
    assert client.sms.send(to=NUMBER, message="x").results[0].points == 0.16
    assert client.sms.send_fast(to=NUMBER, message="x").results[0].points == 0.24
    assert client.sms.send_flash(to=NUMBER, message="x").results[0].status == "QUEUE"
    assert client.account.balance().points == 10.0 - 0.16 - 0.24 - 0.16


def test_points_may_be_texts(start: StartProvider) -> None:
    client = client_of(
        start(account={"price_per_segment": 0.165}, protocol={"smsapi": {"points_as": "string"}})
    )
    assert client.sms.send(to=NUMBER, message="x").results[0].points == "0.1650"


def test_an_invalid_number(client: Client) -> None:
    with pytest.raises(SendException) as refused:
        client.sms.send(to="123", message="x")
    assert (refused.value.code, refused.value.message) == (13, "No correct phone numbers")
    (invalid,) = refused.value.invalid_numbers
    assert (invalid.number, invalid.submitted_number, invalid.reason) == (
        "123",
        "123",
        "Invalid phone number",
    )
    # The good ones of a list are sent (a setting: the evidence for it is thin).
    assert client.sms.send(to=["123", NUMBER], message="x").count == 1


def test_a_bad_token(provider: ProviderThread) -> None:
    client = client_of(provider, "wrong")
    with pytest.raises(SendException) as send:
        client.sms.send(to=NUMBER, message="x")
    assert (send.value.code, send.value.message) == (101, "Authorization failed")
    with pytest.raises(EndpointException) as balance:
        client.account.balance()
    assert balance.value.code == 101


def test_over_the_limit_is_error_202_at_http_200(start: StartProvider) -> None:
    client = client_of(start(throttle={"requests": {"rate_per_s": 0.001, "burst": 1}}))
    assert client.sms.send(to=NUMBER, message="x").count == 1
    with pytest.raises(SendException) as throttled:
        client.sms.send(to=NUMBER, message="x")
    assert throttled.value.code == 202


def test_over_the_limit_may_be_http_429(start: StartProvider) -> None:
    client = client_of(
        start(
            throttle={"segments": {"rate_per_s": 0.001, "burst": 2}},
            protocol={"smsapi": {"throttle_answer": "http_429"}},
        )
    )
    assert client.sms.send(to=[NUMBER, OTHER], message="x").count == 2
    with pytest.raises(EndpointException) as throttled:
        client.sms.send(to=NUMBER, message="x")
    assert throttled.value.code == 429


def test_scheduled_and_removed(client: Client, provider: ProviderThread) -> None:
    tomorrow = int(time.time()) + 86_400
    result = client.sms.send(to=NUMBER, message="x", date=tomorrow)
    (sent,) = result.results
    assert sent.date_sent == tomorrow
    removed = client.sms.remove_scheduled(id=sent.id)
    assert (removed.count, [r.id for r in removed.results]) == (1, [sent.id])
    with pytest.raises(EndpointException) as unknown:
        client.sms.remove_scheduled(id=sent.id)
    assert (unknown.value.code, unknown.value.message) == (301, "Not exists ID message")


def test_too_far_ahead_and_no_such_group(client: Client) -> None:
    with pytest.raises(SendException) as late:
        client.sms.send(to=NUMBER, message="x", date=int(time.time()) + 100 * 86_400)
    assert late.value.code == 50
    with pytest.raises(SendException) as group:
        client.sms.send_to_group(group="friends", message="x")
    assert group.value.code == 40


def test_a_test_send_costs_and_captures_nothing(start: StartProvider) -> None:
    provider = start(account={"price_per_segment": 0.1, "balance_points": 1.0})
    client = client_of(provider)
    assert client.sms.send(to=NUMBER, message="x", test=1).count == 1
    assert client.account.balance().points == 1.0
    assert provider.admin("/messages")[1] == {"messages": []}


def test_no_credit(start: StartProvider) -> None:
    client = client_of(start(account={"price_per_segment": 0.6, "balance_points": 1.0}))
    assert client.sms.send(to=NUMBER, message="x").count == 1
    with pytest.raises(SendException) as refused:
        client.sms.send(to=NUMBER, message="x")
    assert refused.value.code == 103


def test_balance(start: StartProvider) -> None:
    client = client_of(start(account={"price_per_segment": 0.165, "balance_points": 100.0}))
    balance = client.account.balance()
    assert (balance.points, balance.pro_count) == (100.0, 606)
    assert balance.eco_count > balance.pro_count > balance.mms_count > 0


def test_the_old_login_by_user_and_password(provider: ProviderThread) -> None:
    client = Client(provider.url + "/", username="any-name", password=provider.token)
    assert client.sms.send(to=NUMBER, message="x").count == 1
