"""Delivery reports as SMSAPI sends them: GET, parallel lists, repeated until the answer is exactly OK."""

from __future__ import annotations

import json
import socket
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from report_receiver import ReportReceiver
from waiting import eventually
from wire_provider import StartProvider

from mock_provider.protocols.smsapi import Smsapi
from mock_provider.testing import ProviderThread

QUICK = {
    "delivery": {"latency": {"kind": "fixed", "value_s": 0.0}},
    "reports": {"max_per_call": 100, "linger_s": 0.02, "retry_after_s": [0.02], "give_up_after_s": 60.0},
}


def send(provider: ProviderThread, **fields: str) -> list[dict[str, Any]]:
    body = urlencode({"message": "Hi", "format": "json"} | fields).encode()
    status, reply = provider.request("/sms.do", body, Authorization=f"Bearer {provider.token}")
    assert status == 200
    sent: list[dict[str, Any]] = json.loads(reply)["list"]
    return sent


def lists(path: str) -> dict[str, list[str]]:
    return {name: values[0].split(",") for name, values in parse_qs(urlsplit(path).query).items()}


def test_one_call_carries_the_reports_of_a_batch(start: StartProvider, receiver: ReportReceiver) -> None:
    provider = start(**QUICK)
    numbers = [f"4850010020{n}" for n in range(5)]
    sent = send(
        provider,
        to=",".join(numbers),
        idx="a|b|c|d|e",
        notify_url=receiver.url + "?secret=s",
        **{"from": "Shop"},
    )
    eventually(lambda: provider.state()["open"] == 0)
    (path,) = receiver.paths
    fields = lists(path)
    assert fields["secret"] == ["s"]
    by_id = dict(
        zip(fields["MsgId"], zip(fields["status"], fields["to"], fields["idx"], strict=True), strict=True)
    )
    assert by_id == {m["id"]: ("404", m["number"], m["idx"]) for m in sent}
    assert fields["status_name"] == ["DELIVERED"] * 5
    assert fields["from"] == ["Shop"]
    assert all(abs(int(done) - sent[0]["date_sent"]) <= 2 for done in fields["donedate"])


def test_reports_are_repeated_until_the_answer_is_exactly_ok(
    start: StartProvider, receiver: ReportReceiver
) -> None:
    provider = start(**QUICK)
    receiver.answers = [
        (500, b"OK"),
        (200, b"ok"),
        (200, b"OK\n"),
        (204, b""),
        (200, b"OK" * 300),
        (200, b"OK"),
    ]
    send(provider, to="500100200", notify_url=receiver.url)
    eventually(lambda: provider.state()["open"] == 0)
    assert len(receiver.paths) == 6
    assert len({parse_qs(urlsplit(path).query)["MsgId"][0] for path in receiver.paths}) == 1
    counters = provider.state()["counters"]
    assert (counters["reports_confirmed"], counters["reports_retried"]) == (1, 5)


def test_a_receiver_that_is_away_gets_its_reports_when_it_is_back(
    start: StartProvider, receiver: ReportReceiver
) -> None:
    provider = start(**QUICK)
    send(provider, to="500100200", notify_url="http://127.0.0.1:1/away")
    eventually(lambda: provider.state()["counters"]["reports_retried"] >= 2)
    assert provider.state()["open"] == 1


def test_a_large_batch_is_split_so_that_every_url_fits(
    start: StartProvider, receiver: ReportReceiver
) -> None:
    provider = start(**QUICK)
    numbers = [f"48500{n:06}" for n in range(300)]
    sent = send(provider, to=",".join(numbers), notify_url=receiver.url)
    eventually(lambda: provider.state()["open"] == 0)
    assert all(len(path) < 8_000 for path in receiver.paths)
    reported = [i for path in receiver.paths for i in lists(path)["MsgId"]]
    assert sorted(reported) == sorted(m["id"] for m in sent)


def test_reports_go_to_this_machine_only_unless_the_profile_names_a_host(start: StartProvider) -> None:
    provider = start(**QUICK)
    body = urlencode({"to": "500100200", "message": "x", "notify_url": "http://192.0.2.1/dlr"}).encode()
    assert provider.request("/sms.do", body, Authorization=f"Bearer {provider.token}")[1] == b"ERROR:70"


def test_a_client_and_a_receiver_that_both_hang_cost_one_grace(start: StartProvider) -> None:
    provider = start(**QUICK)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        send(provider, to="500100200", notify_url=f"http://127.0.0.1:{silent.getsockname()[1]}/dlr")
        eventually(lambda: provider.state()["gauges"]["report_batches_pending"] == 1)
        provider.admin("/faults", {"kind": "hang"}, "POST")
        host, port = provider.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall(b"GET /sms.do?to=500100200&message=x HTTP/1.1\r\nHost: x\r\n\r\n")
            eventually(lambda: provider.state()["gauges"]["replies_waiting"] == 1)
            began_s = time.monotonic()
            provider.stop()
            assert time.monotonic() - began_s < 1.8 * provider.stop_grace_s


def test_batches_that_cannot_be_rendered_cost_no_worker(
    start: StartProvider, receiver: ReportReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = start(**(QUICK | {"reports": {"max_per_call": 1}}))
    met: list[object] = []

    def broken(*arguments: object) -> None:
        met.append(arguments)
        raise RuntimeError("broken on purpose")

    more_than_workers = 40
    with monkeypatch.context() as patched:
        patched.setattr(Smsapi, "report_calls", broken)
        numbers = ",".join(f"48500{n:06}" for n in range(more_than_workers))
        send(provider, to=numbers, notify_url=receiver.url)
        eventually(lambda: len(met) == more_than_workers)
    send(provider, to="500100200", notify_url=receiver.url)
    eventually(lambda: provider.state()["counters"]["reports_confirmed"] == 1)
