"""What the page is fed with: server-sent events over a real socket, pages of messages, one in full."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from report_receiver import ReportReceiver
from waiting import eventually
from wire_provider import StartProvider, send_sms

from mock_provider import RunningProvider
from mock_provider.testing import ProviderThread

DEADLINE_S = 10.0


class Events:
    """A reader of ``/admin/events``."""

    def __init__(self, provider: ProviderThread, receive_buffer: int = 0) -> None:
        address = urlsplit(provider.url)
        self._socket = socket.socket()
        self._socket.settimeout(DEADLINE_S)
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.connect((address.hostname, address.port))
        head = (
            "GET /admin/events HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {provider.admin_token}\r\n\r\n"
        )
        self._socket.sendall(head.encode())
        self.reply = http.client.HTTPResponse(self._socket)
        self.reply.begin()

    def next(self, wanted: str) -> Any:
        """The value of the next event of this name."""
        name = ""
        while line := self.reply.readline():
            if line.startswith(b"event: "):
                name = line[7:-1].decode()
            elif line.startswith(b"data: ") and name == wanted:
                return json.loads(line[6:])
        raise AssertionError(f"the stream ended before {wanted}")

    def close(self) -> None:
        self.reply.close()
        self._socket.close()


def readers(running: RunningProvider) -> int:
    return running.runtime.live.readers


@contextmanager
def following(provider: ProviderThread, receive_buffer: int = 0) -> Iterator[Events]:
    events = Events(provider, receive_buffer)
    try:
        yield events
    finally:
        events.close()


def test_messages_and_what_becomes_of_them_arrive_by_themselves(start: StartProvider) -> None:
    provider = start(delivery={"latency": {"kind": "fixed", "value_s": 0.5}})
    with following(provider) as events:
        assert (events.reply.status, events.reply.getheader("Content-Type")) == (
            200,
            "text/event-stream; charset=utf-8",
        )
        assert events.reply.getheader("Cache-Control") == "no-store"
        events.next("hello")
        sent = send_sms(provider, message="ŁÓDŹ\nsecond line")
        (message,) = events.next("messages")["messages"]
        assert (message["text"], message["provider_id"]) == ("ŁÓDŹ\nsecond line", sent["list"][0]["id"])
        changes = events.next("changes")["changes"]
        assert [(c["provider_id"], c["state"]) for c in changes] == [(message["provider_id"], "delivered")]
        tick = events.next("tick")
        assert tick["totals"]["accepted"] == 1
        assert "carrier_queues" in tick


def test_settings_and_a_reset_are_events(provider: ProviderThread) -> None:
    with following(provider) as events:
        events.next("hello")
        provider.admin("/faults", {"kind": "outage", "duration_s": 60}, "POST")
        events.next("settings")
        provider.admin("/reset", method="POST")
        events.next("cleared")


def test_the_token_is_wanted_and_a_stream_cannot_be_asked_for_by_post(provider: ProviderThread) -> None:
    assert provider.request("/admin/events")[0] == 401
    assert provider.request("/admin/events?token=" + provider.admin_token)[0] == 401
    assert provider.admin("/events", {}, "POST")[0] == 405


def test_a_reader_that_does_not_read_costs_a_bounded_buffer_and_hinders_nobody(
    provider: ProviderThread,
) -> None:
    def fill(running: RunningProvider) -> int:
        live = running.runtime.live
        for _ in range(45):
            live.broadcast("filler", "x" * 500_000)
        return live.unsent_bytes

    with following(provider, receive_buffer=4096) as slow:
        assert provider.in_loop(fill) < 2_000_000  # of 22,500,000
        with following(provider) as other:
            send_sms(provider)
            assert other.next("messages")["skipped"] == 0
        assert slow.next("filler") == "x" * 500_000
        slow.next("behind")


def test_a_reader_that_leaves_is_forgotten_and_a_stop_ends_the_streams(provider: ProviderThread) -> None:
    with following(provider):
        assert provider.in_loop(readers) == 1
    eventually(lambda: provider.in_loop(readers) == 0)
    with following(provider) as events:
        events.next("hello")
        provider.stop()
        with pytest.raises((AssertionError, ConnectionError)):
            events.next("never")


def test_too_many_readers_are_refused(provider: ProviderThread) -> None:
    readers = [Events(provider) for _ in range(32)]
    try:
        status, refused = provider.admin("/events")
        assert (status, refused) == (503, {"errors": ["32 readers already receive the events"]})
    finally:
        for reader in readers:
            reader.close()


def test_the_history_continues_in_seconds(provider: ProviderThread) -> None:
    send_sms(provider)
    eventually(lambda: any(t["accepted_per_s"] > 0 for t in provider.admin("/history")[1]["ticks"]))


def test_pages_and_states_of_messages(provider: ProviderThread) -> None:
    ids = [send_sms(provider, to=f"4850010020{n}")["list"][0]["id"] for n in range(3)]
    eventually(lambda: provider.state()["totals"]["delivered"] == 3)

    def found(**query: str) -> list[str]:
        return [m["provider_id"] for m in provider.admin("/messages?" + urlencode(query))[1]["messages"]]

    assert found(state="delivered") == ids[::-1]
    assert found(state="open") == []
    assert found(limit="2") == ids[:0:-1]
    assert found(before=ids[1]) == ids[:1]
    assert found(text=ids[1]) == ids[1:2]
    status, refused = provider.admin("/messages?state=lost")
    assert (status, refused["errors"][0][:26]) == (400, "state: must be one of open")


def test_one_message_in_full(provider: ProviderThread, receiver: ReportReceiver) -> None:
    receiver.answers = [(500, b"not now")]
    provider.admin("/profile", {"reports": {"retry_after_s": [0.05]}}, "PATCH")
    sent = send_sms(provider, message="zażółć" + "x" * 70, notify_url=receiver.url, idx="order-1")
    path = "/messages/" + quote(sent["list"][0]["id"])
    eventually(lambda: provider.admin(path)[1]["journey"]["final"])
    detail = provider.admin(path)[1]
    timestamps = detail["journey"]["timestamps"]
    assert [m["name"] for m in timestamps] == [
        "submitted",
        "answered",
        "carrier",
        "final",
        "reported",
        "confirmed",
    ]
    assert [m["unix_s"] for m in timestamps] == sorted(m["unix_s"] for m in timestamps)
    assert timestamps[0]["after_ms"] is None
    assert all(m["after_ms"] >= 0 for m in timestamps[1:])
    assert (
        detail["journey"]["report_calls"],
        detail["journey"]["submits"],
        detail["journey"]["accepts"],
    ) == (2, 1, 1)
    assert (detail["text"]["encoding"], [s["units"] for s in detail["text"]["segments"]]) == ("ucs2", [67, 9])
    assert detail["message"]["segments"] == 2
    assert detail["text"]["forced_by"][0]["character"] == "ż"
    assert detail["network"]["exists"] is True
    assert provider.admin("/messages/unknown")[0] == 404


@pytest.mark.parametrize("kind", ["lost_reply", "cut_after_accept"])
def test_a_message_whose_reply_was_lost_is_there_anyway(provider: ProviderThread, kind: str) -> None:
    provider.admin("/faults", {"kind": kind, "name": "gone"}, "POST")
    address = urlsplit(provider.url)
    body = urlencode({"to": "48500100200", "message": "was it sent?"})
    with socket.create_connection((address.hostname, address.port), DEADLINE_S) as client:
        head = f"POST /sms.do HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {provider.token}\r\n"
        head += (
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
        client.sendall(head.encode())
        eventually(lambda: len(provider.admin("/messages")[1]["messages"]) == 1)
    (message,) = provider.admin("/messages")[1]["messages"]
    assert message["text"] == "was it sent?"
    journey = provider.admin("/messages/" + message["provider_id"])[1]["journey"]
    assert [m["unix_s"] for m in journey["timestamps"] if m["name"] == "answered"] == [None]
    assert journey["faults"] == "gone"


def test_windows_and_kinds_of_faults_and_the_way_back(provider: ProviderThread) -> None:
    provider.admin("/faults", {"kind": "outage", "duration_s": 60, "name": "dark"}, "POST")
    provider.admin("/faults", {"kind": "error_rate", "share": 0.5, "start_s": 60}, "POST")
    faults = provider.admin("/faults")[1]
    dark, later = faults["windows"]
    assert (dark["name"], dark["phase"]) == ("dark", "active")
    assert 50 < dark["ends_in_s"] <= 60
    assert (later["phase"], later["ends_in_s"]) == ("scheduled", None)
    assert {"outage", "error_rate", "added_latency", "hang"} <= faults["kinds"].keys()
    assert faults["kinds"]["outage"]["properties"]["answer"]["enum"]
    assert faults["as_started"] is False
    left = provider.admin("/faults?name=dark", method="DELETE")[1]["faults"]
    assert [fault["kind"] for fault in left] == ["error_rate"]
    assert provider.admin("/faults?name=dark", method="DELETE")[0] == 404
    assert provider.admin("/profile/restore", method="POST")[0] == 200
    restored = provider.admin("/faults")[1]
    assert (restored["faults"], restored["as_started"]) == ([], True)


def test_the_page_and_its_files_over_http(provider: ProviderThread) -> None:
    status, index = provider.request("/")
    assert status == 200
    script = index.split(b'type="module" src="')[1].split(b'"')[0].decode()
    status, module = provider.request(script)
    assert (status, b"import" in module) == (200, True)
    assert provider.request(script, b"", "POST")[0] == 404
    assert provider.request("/page/app.js")[0] == 404
    assert provider.request("/page/../admin/state")[0] == 404
