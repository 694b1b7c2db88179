"""Faults as a client meets them over a real socket, and what the provider then says of itself."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from report_receiver import ReportReceiver
from waiting import eventually
from wire_provider import StartProvider

from mock_provider.testing import ProviderThread

DEADLINE_S = 10.0


def sms(provider: ProviderThread, **fields: str) -> bytes:
    body = urlencode({"to": "48500100200", "message": "Hi", "format": "json"} | fields).encode()
    return (
        f"POST /sms.do HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {provider.token}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@contextmanager
def connected(provider: ProviderThread) -> Iterator[socket.socket]:
    host, _, port = provider.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as connection:
        yield connection


def begin(provider: ProviderThread, **fault: Any) -> None:
    status, reply = provider.admin("/faults", fault, "POST")
    assert status == 200, reply


@pytest.mark.parametrize(
    ("fault", "taken"),
    [
        ({"kind": "outage", "answer": "disconnect"}, 0),
        ({"kind": "hang", "disconnect": True}, 0),
        ({"kind": "cut_after_accept"}, 1),
    ],
)
def test_a_cut_connection_is_reset(provider: ProviderThread, fault: dict[str, Any], taken: int) -> None:
    """A FIN would be an orderly end: a client may then take an empty reply for one."""
    begin(provider, **fault)
    with connected(provider) as connection:
        connection.sendall(sms(provider, idx="k"))
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert provider.state()["accepted"] == taken


@pytest.mark.parametrize(
    ("fault", "taken"),
    [({"kind": "outage", "answer": "hang"}, 0), ({"kind": "hang"}, 0), ({"kind": "lost_reply"}, 1)],
)
def test_a_request_that_is_never_answered_keeps_its_connection(
    provider: ProviderThread, fault: dict[str, Any], taken: int
) -> None:
    begin(provider, **fault)
    with connected(provider) as connection:
        connection.sendall(sms(provider, idx="k"))
        eventually(lambda: provider.state()["counters"]["requests_hung"] == 1)
        assert provider.state()["accepted"] == taken
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)
        provider.admin("/faults", None, "DELETE")
        with pytest.raises(BlockingIOError):  # a request that hangs stays so
            connection.recv(1)
    assert provider.request("/ping")[0] == 200


def test_an_outage_that_hangs_affects_a_ping(provider: ProviderThread) -> None:
    begin(provider, kind="outage", answer="hang")
    with connected(provider) as connection:
        connection.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({"kind": "outage", "duration_s": 0}, "duration_s: must be more than 0"),
        ({"kind": "outage", "start_s": 5, "end_s": 4}, "end_s: must be after start_s"),
        ({"kind": "hang", "share": 2}, "share: 2: "),
        ({"kind": "earthquake"}, "kind: 'earthquake': "),
        ({"kind": "error_rate"}, "share or codes is missing"),
        ({}, "kind: missing"),
    ],
)
def test_a_fault_that_cannot_begin_is_refused_by_its_own_fields(
    provider: ProviderThread, fault: dict[str, Any], complaint: str
) -> None:
    begin(provider, kind="hang", start_s=900)
    status, reply = provider.admin("/faults", fault, "POST")
    (reason,) = reply["errors"]
    assert status == 400 and complaint in reason
    assert "faults[" not in reason and not reason.startswith(":")
    assert provider.admin("/faults?kind=earthquake", None, "DELETE")[0] == 400
    assert len(provider.admin("/faults")[1]["faults"]) == 1


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (
            {"kind": "outage", "durations_s": 30},
            "durations_s: unknown key; known here: answer, duration_s, end_s, host, kind, name, start_s "
            "(did you mean duration_s?)",
        ),
        (
            {"kind": "error_rate", "duration_s": 30},
            "share or codes is missing: give share (with refusal), from 0 to 1, or codes",
        ),
        (
            {"kind": "error_rate", "share": 0.1, "codes": [{"refusal": "unavailable", "share": 0.1}]},
            "give share (with refusal) or codes (a list of refusal and share), not both",
        ),
        ({"kind": "rate_reduction"}, "share or rate_per_s is missing: give one of them"),
        ({"kind": "rate_reduction", "share": 0.5, "rate_per_s": 1}, "give share or rate_per_s, not both"),
        (
            {"kind": "rate_reduction", "rate_per_s": 1e-300},
            "rate_per_s: 1e-300: is too small (allowed: number at least 0.000001 and at most 10000000)",
        ),
    ],
)
def test_a_fault_s_error_says_what_to_give(
    provider: ProviderThread, fault: dict[str, Any], answer: str
) -> None:
    assert provider.admin("/faults", fault, "POST") == (400, {"errors": [answer]})
    assert provider.admin("/faults")[1]["faults"] == []


def test_the_ambiguous_kind_from_the_sender_s_side(provider: ProviderThread) -> None:
    """Accepted, then cut: a repeat with the same key and check_idx is known, and nothing is sent twice."""
    begin(provider, kind="cut_after_accept", name="ambiguous")
    with connected(provider) as connection:
        connection.sendall(sms(provider, idx="k", check_idx="1"))
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    provider.admin("/faults?name=ambiguous", None, "DELETE")
    with connected(provider) as connection:
        connection.sendall(sms(provider, idx="k", check_idx="1"))
        reply = connection.recv(65_536)
    assert json.loads(reply.partition(b"\r\n\r\n")[2])["error"] == 53
    assert provider.state()["accepted"] == 1


def test_a_magic_number_cuts_its_own_request_only(start: StartProvider) -> None:
    provider = start(numbers={"magic": True})
    with connected(provider) as other, connected(provider) as cut:
        cut.sendall(sms(provider, to="48100000032"))
        with pytest.raises(ConnectionResetError):
            cut.recv(1)
        other.sendall(sms(provider))
        assert other.recv(65_536).startswith(b"HTTP/1.1 200")
    assert provider.state()["accepted"] == 2


def test_a_duplicated_report_reaches_the_receiver_twice(
    start: StartProvider, receiver: ReportReceiver
) -> None:
    provider = start(
        account={"report_url": receiver.url},
        delivery={"latency": {"kind": "fixed", "value_s": 0.0}},
        reports={"linger_s": 0.0},
    )
    begin(provider, kind="report_duplicate", after_s=0.0)
    with connected(provider) as connection:
        connection.sendall(sms(provider, idx="k"))
        connection.recv(65_536)
    eventually(lambda: len(receiver.paths) == 2)
    first, again = (parse_qs(path.partition("?")[2]) for path in receiver.paths)
    assert first["MsgId"] == again["MsgId"]
    eventually(lambda: provider.state()["open"] == 0)
    assert provider.state()["counters"]["reports_confirmed"] == 1


def test_a_storm_keeps_reports_until_it_is_taken_away(start: StartProvider, receiver: ReportReceiver) -> None:
    provider = start(
        account={"report_url": receiver.url}, delivery={"latency": {"kind": "fixed", "value_s": 0.0}}
    )
    begin(provider, kind="report_storm")
    with connected(provider) as connection:
        connection.sendall(sms(provider, idx="k"))
        connection.recv(65_536)
    eventually(lambda: provider.state()["counters"]["reports_held"] == 1)
    assert receiver.paths == []
    provider.admin("/faults", None, "DELETE")
    eventually(lambda: len(receiver.paths) == 1)


def test_faults_are_logged_and_listed_with_their_real_times(
    provider: ProviderThread, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "mock_provider.runtime.fault_watch")
    before_ns = time.monotonic_ns()
    begin(provider, kind="error_rate", share=0.25)
    begin(provider, kind="outage", start_s=1000, duration_s=5)
    begun = "fault error_rate begins: errors: 25 % internal_error, until it is removed"
    eventually(lambda: begun in caplog.messages)
    provider.admin("/faults?name=error_rate", None, "DELETE")
    after_ns = time.monotonic_ns()
    eventually(lambda: any(line.startswith("fault error_rate ends after ") for line in caplog.messages))
    begin(provider, kind="error_rate", share=0.5)
    log = provider.admin("/faults")[1]["log"]
    # The second one is another fault: in the journal it must not be taken for the first.
    assert [(span["name"], span["phase"]) for span in log] == [
        ("error_rate", "ended"),
        ("error_rate-2", "active"),
        ("outage", "scheduled"),
    ]
    assert before_ns <= log[0]["start_ns"] < log[0]["end_ns"] <= after_ns
    assert (log[1]["end_ns"], log[2]["end_ns"] - log[2]["start_ns"]) == (None, 5_000_000_000)
    assert provider.state()["faults"] == log


def test_a_stall_of_the_provider_s_own_shows_in_its_gauge(provider: ProviderThread) -> None:
    """The instrument was late: the run's validity reads this gauge."""
    eventually(lambda: provider.state()["gauges"]["loop_lag_ms"] < 200)
    provider.in_loop(lambda _: time.sleep(0.4))  # the stall itself
    eventually(lambda: provider.state()["gauges"]["loop_lag_ms"] > 300)
