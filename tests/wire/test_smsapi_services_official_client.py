"""The rest of what a sender uses of SMSAPI, by its official client, unmodified, over a real socket."""

from __future__ import annotations

import json
import urllib.request
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from smsapi.client import Client
from smsapi.exception import EndpointException, SendException
from wire_provider import StartProvider

from mock_provider.testing import ProviderThread

NUMBER, OTHER, LANDLINE = "48500100200", "48500100201", "48221002000"
GROUPS = {"friends": [NUMBER, OTHER], "nobody": []}


def client_of(provider: ProviderThread, token: str | None = None) -> Client:
    return Client(provider.url + "/", access_token=token or provider.token)


@pytest.fixture
def client(provider: ProviderThread) -> Client:
    return client_of(provider)


def refused(call: Any, **arguments: Any) -> tuple[int, str]:
    """Code and words of the exception; the client puts a REST error's whole body into the words."""
    with pytest.raises(EndpointException) as error:
        call(**arguments)
    return error.value.code, error.value.message


def test_a_group_is_served_or_refused(start: StartProvider) -> None:
    client = client_of(start(protocol={"smsapi": {"groups": GROUPS}}))
    sent = client.sms.send_to_group(group="friends", message="Hello", idx=["a", "b"])
    assert [(s.number, s.idx) for s in sent.results] == [(NUMBER, "a"), (OTHER, "b")]
    for group, code in (("unknown", 40), ("nobody", 41)):
        with pytest.raises(SendException) as error:
            client.sms.send_to_group(group=group, message="Hello")
        assert error.value.code == code


def test_a_number_is_looked_up(client: Client, provider: ProviderThread) -> None:
    found = client.hlr.check_number(number=NUMBER, idx=["i-1"])
    assert (found.status, found.number, found.price) == ("OK", NUMBER, 0.04)
    assert found.id == client.hlr.check_number(number=NUMBER).id != client.hlr.check_number(number=OTHER).id
    assert refused(client.hlr.check_number, number=LANDLINE)[0] == 13
    assert refused(client.hlr.check_number)[0] == 13
    assert refused(client_of(provider, "wrong").hlr.check_number, number=NUMBER)[0] == 101


def test_a_number_nobody_serves_and_the_full_answer(start: StartProvider) -> None:
    provider = start(numbers={"invalid_share": 1.0}, protocol={"smsapi": {"hlr_answer": "full"}})
    form = {"number": f"{NUMBER},{OTHER}", "idx": "a|b", "format": "json"}
    url = f"{provider.url}/hlr.do?{urlencode(form)}"
    answer = requests.get(url, headers={"Authorization": f"Bearer {provider.token}"}, timeout=10).json()
    assert answer["count"] == 2
    assert [(each["number"], each["status"], each["idx"]) for each in answer["list"]] == [
        (NUMBER, "FAIL", "a"),
        (OTHER, "FAIL", "b"),
    ]


def test_sender_names_where_any_may_be_used(client: Client) -> None:
    names = client.sender.list()
    assert [(n.sender, n.status, n.default) for n in names.results] == [("Test", "ACTIVE", True)]
    assert client.sender.add(name="Shop").count == 1
    assert refused(client.sender.add, name="Shop") == (409, "It already exists")
    assert refused(client.sender.add, name="Much too long")[0] == 14
    assert client.sender.check(name="Shop").status == "ACTIVE"
    assert client.sender.default(name="Shop").count == 1
    assert [n.sender for n in client.sender.list().results if n.default] == ["Shop"]
    assert client.sender.remove(name="Shop").count == 1
    assert refused(client.sender.check, name="Shop")[0] == 14
    assert refused(client.sender.remove, name="Test")[0] == 110
    assert [n.default for n in client.sender.list().results] == [True]


def test_a_new_sender_name_waits_for_approval_where_names_are_limited(start: StartProvider) -> None:
    client = client_of(start(account={"sender_names": ["Shop", "Bank"]}))
    client.sender.add(name="News")
    states = [(n.sender, n.status) for n in client.sender.list().results]
    assert states == [("Shop", "ACTIVE"), ("Bank", "ACTIVE"), ("News", "INACTIVE")]
    assert refused(client.sender.default, name="News")[0] == 14
    assert refused(client.sms.send, to=NUMBER, message="x", from_="News")[0] == 14
    assert client.sms.send(to=NUMBER, message="x", from_="Bank").count == 1


def test_sender_names_by_rest_are_the_same_names(client: Client, provider: ProviderThread) -> None:
    headers = {"Authorization": f"Bearer {provider.token}"}
    names = provider.url + "/sms/sendernames"

    def asked(method: str, path: str = "", **form: str) -> tuple[int, Any]:
        answer = requests.request(method, names + path, data=form, headers=headers, timeout=10)
        return answer.status_code, answer.json() if answer.content else None

    status, added = asked("POST", sender="My shop")
    assert (status, added["sender"], added["status"], added["is_default"]) == (
        201,
        "My shop",
        "ACTIVE",
        False,
    )
    assert asked("POST", sender="My shop")[0] == 409
    assert asked("POST", sender="Much too long")[0] == 400
    assert asked("POST", "/My%20shop/commands/make_default") == (204, None)
    assert asked("GET", "/My%20shop")[1]["is_default"]
    assert [n["sender"] for n in asked("GET")[1]["collection"]] == ["Test", "My shop"]
    assert client.sender.check(name="My shop").default
    assert asked("DELETE", "/My%20shop") == (204, None)
    assert asked("DELETE", "/My%20shop")[0] == 404
    assert asked("DELETE", "/Test")[0] == 403
    assert asked("PUT", "/Test")[0] == 405
    assert requests.get(names, timeout=10).status_code == 401


def test_a_code_is_sent_and_verified_once(client: Client, provider: ProviderThread) -> None:
    sent = client.mfa.send_mfa(phone_number="500100200", content="Your code: [%code%]!", from_="Bank")
    assert (sent.phone_number, sent.from_, len(sent.code)) == (NUMBER, "Bank", 6)
    (message,) = provider.admin("/messages")[1]["messages"]
    assert (message["text"], message["provider_id"]) == (f"Your code: {sent.code}!", sent.results[0].id)
    wrong = "000000" if sent.code != "000000" else "111111"
    assert refused(client.mfa.verify_mfa, phone_number=NUMBER, code=wrong)[0] == 404
    assert client.mfa.verify_mfa(phone_number=NUMBER, code=sent.code).count == 0  # what it says of 204
    assert refused(client.mfa.verify_mfa, phone_number=NUMBER, code=sent.code)[0] == 404


def test_an_expired_code(start: StartProvider) -> None:
    client = client_of(start(protocol={"smsapi": {"mfa_expiry_s": 0.0, "mfa_code_digits": 4}}))
    sent = client.mfa.send_mfa(phone_number=NUMBER)
    assert len(sent.code) == 4
    code, body = refused(client.mfa.verify_mfa, phone_number=NUMBER, code=sent.code)
    assert (code, json.loads(body)["error"]) == (408, "request_timeout")


def test_a_code_that_cannot_be_sent(client: Client, provider: ProviderThread, start: StartProvider) -> None:
    send = client.mfa.send_mfa
    for wrong, field in (
        ({"phone_number": LANDLINE}, "phone_number"),
        ({}, "phone_number"),
        ({"phone_number": NUMBER, "content": "no place for it"}, "content"),
        ({"phone_number": NUMBER, "from_": "Much too long"}, "from"),
    ):
        code, body = refused(send, **wrong)
        assert (code, [e["path"] for e in json.loads(body)["errors"]]) == (400, [field])
    assert refused(client_of(provider, "wrong").mfa.send_mfa, phone_number=NUMBER)[0] == 401
    assert refused(client_of(provider, "wrong").mfa.verify_mfa, phone_number=NUMBER, code="1")[0] == 401
    poor = client_of(start(account={"price_per_segment": 1.0, "balance_points": 1.2}))
    code, body = refused(poor.mfa.send_mfa, phone_number=NUMBER)  # fast costs half as much again
    assert (code, json.loads(body)["error"]) == (403, "no_credit")
    assert poor.mfa.send_mfa(phone_number=NUMBER, fast=0).code


def test_the_same_seed_sends_the_same_codes(start: StartProvider) -> None:
    def code() -> str:
        sent: str = client_of(start()).mfa.send_mfa(phone_number=NUMBER).code
        return sent

    assert code() == code()


def test_prices_by_network(start: StartProvider) -> None:
    provider = start(account={"price_per_segment": 0.165})
    headers = {"Authorization": f"Bearer {provider.token}"}
    prices = requests.get(provider.url + "/profile/prices?type=sms", headers=headers, timeout=10).json()
    assert prices["size"] == len(prices["collection"]) > 0
    assert {each["price"]["amount"] for each in prices["collection"]} == {0.165}
    assert requests.get(provider.url + "/profile/prices", timeout=10).status_code == 401


def test_the_backup_host_is_the_same_provider(provider: ProviderThread) -> None:
    backup = Client(provider.backup_url + "/", access_token=provider.token)
    assert provider.backup_url != provider.url
    assert client_of(provider).sms.send(to=NUMBER, message="x", idx="once", check_idx=1).count == 1
    with pytest.raises(SendException) as repeated:
        backup.sms.send(to=NUMBER, message="x", idx="once", check_idx=1)
    assert repeated.value.code == 53


def test_an_outage_of_the_primary_host_leaves_the_backup_host_available(start: StartProvider) -> None:
    down = {"kind": "outage", "host": "primary"}
    provider = start(faults=[down])
    client, backup = client_of(provider), Client(provider.backup_url + "/", access_token=provider.token)
    assert refused(client.sms.send, to=NUMBER, message="x")[0] == 503
    assert refused(client.account.balance)[0] == 503
    assert backup.sms.send(to=NUMBER, message="x").count == 1
    assert backup.account.balance().points > 0


def test_the_openapi_document_describes_what_is_served(provider: ProviderThread) -> None:
    with urllib.request.urlopen(provider.url + "/openapi/smsapi.json", timeout=10) as reply:
        document = json.load(reply)
    assert document["openapi"] == "3.1.0"
    for path, operations in document["paths"].items():
        for method in operations.keys() - {"parameters"}:
            status, _ = provider.request(path, b"" if method == "post" else None, method.upper())
            assert str(status) in operations[method]["responses"], (path, method, status)
