"""The client, its receiver, and the delayed acknowledgement that calibrate looks for."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
import uvloop

from loadtests.calibrate import latency
from loadtests.calibrate.client import CUT, SILENT, OpenLoopClient, SendTimes, TimedAnswer
from loadtests.calibrate.instrument import Instrument
from loadtests.calibrate.judge import Row
from loadtests.calibrate.messages import messages, regular
from loadtests.calibrate.receiver import Receiver
from loadtests.core_time import CoreWait
from mock_provider.app import ProviderConfig, start_provider
from mock_provider.profiles import Profile, parse_profile

Serve = Callable[[socket.socket], object]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


class AnsweringServer:
    """Answers each request on each connection by what ``answer`` does with the socket."""

    def __init__(self, answer: Serve) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._answer = answer
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while connection.recv(65_536):
                    if self._answer(connection) is False:
                        return
            except OSError:
                return

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


StartServer = Callable[[Serve], AnsweringServer]


@pytest.fixture
def server() -> Iterator[StartServer]:
    started = []

    def start(answer: Serve) -> AnsweringServer:
        started.append(AnsweringServer(answer))
        return started[-1]

    yield start
    for one in started:
        one.close()


class NagleInstrument:
    """What ``latency.nagle`` needs of an instrument."""

    def __init__(self, port: int) -> None:
        self.client = OpenLoopClient("127.0.0.1", port)
        self.wait = CoreWait(0)

    def use(self, profile: Profile) -> None:
        pass

    def label(self, of: str) -> str:
        return of

    def run(self, schedule: SendTimes, connections: int) -> tuple[int, list[TimedAnswer]]:
        self.client.connect(connections)
        return self.client.run(schedule, self.wait)


def wait_until_read(connection: socket.socket, client: OpenLoopClient) -> None:
    """Until the client has read all that it was sent, though a busy machine lets it do so late."""
    peer = connection.getpeername()
    deadline_s = time.monotonic() + 5.0
    for ours in [each for each in client.sockets if each.getsockname() == peer]:
        while time.monotonic() < deadline_s and any(fcntl.ioctl(ours, termios.FIONREAD, bytes(4))):
            os.sched_yield()


def nodelay_of_peer(address: tuple[str, int]) -> int:
    """TCP_NODELAY of this process's socket that is connected to ``address``."""
    for descriptor in list(Path("/proc/self/fd").iterdir()):
        try:
            with socket.socket(fileno=os.dup(int(descriptor.name))) as found:
                if found.getpeername() == address:
                    return found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        except OSError:  # no socket, or none that is connected
            continue
    raise AssertionError(f"no socket is connected to {address}")


def found_by_nagle(port: int, clients: list[OpenLoopClient] | None = None) -> dict[str, Row]:
    bench = NagleInstrument(port)
    if clients is not None:
        clients.append(bench.client)
    try:
        return {row.what: row for row in latency.nagle(cast(Instrument, bench)).rows}
    finally:
        bench.client.close()


def test_a_reply_in_two_writes_without_nodelay_is_found(server: StartServer) -> None:
    clients: list[OpenLoopClient] = []

    def in_two(connection: socket.socket) -> None:
        connection.send(HEAD)
        wait_until_read(connection, clients[0])
        connection.send(b"ok")

    rows = found_by_nagle(server(in_two).port, clients)
    # On a busy machine hardly a reply may be left to judge by; it does not pass then either.
    assert rows["replies late by a delayed ACK (35 to 60 ms)"].verdict in ("missed", "noisy")
    assert rows["replies that came in more than one piece"].observed > 100


def test_a_reply_in_one_write_passes(server: StartServer) -> None:
    rows = found_by_nagle(server(lambda connection: connection.send(HEAD + b"ok")).port)
    assert "missed" not in {row.verdict for row in rows.values()}


def test_latency_counts_from_the_intended_instant_though_the_server_stalls(server: StartServer) -> None:
    """The server stalls once, for 0.2 s; the requests that are due then leave on time."""
    stalled = threading.Event()

    def stall_once(connection: socket.socket) -> None:
        if not stalled.is_set():
            stalled.set()
            time.sleep(0.2)
        connection.send(HEAD + b"ok")

    client = OpenLoopClient("127.0.0.1", server(stall_once).port)
    begun_ns, answers = client.run(SendTimes(messages("s", 20).requests, regular(100, 20)))
    client.close()
    assert [a.status for a in answers] == [200] * 20
    assert [a.intended_ns - begun_ns for a in answers] == regular(100, 20)
    assert answers[0].answered_ns - answers[0].intended_ns >= 200_000_000
    assert all(a.sent_ns >= a.intended_ns for a in answers)


def test_cut_and_silent_requests_are_distinguished(server: StartServer) -> None:
    cut = OpenLoopClient("127.0.0.1", server(lambda connection: False).port)
    silent = OpenLoopClient("127.0.0.1", server(lambda connection: None).port)
    sent = messages("c", 3).requests
    for client, status in ((cut, CUT), (silent, SILENT)):
        _, answers = client.run(SendTimes(sent, regular(1_000, 3), patience_s=0.2))
        assert [a.status for a in answers] == [status] * 3
        client.close()


def test_reports_are_taken_and_confirmed() -> None:
    receiver = Receiver()
    client = OpenLoopClient("127.0.0.1", 1, receiver)
    target = receiver.url.partition("/dlr")[2] or "/dlr"
    with socket.create_connection(("127.0.0.1", int(receiver.url.split(":")[2].partition("/")[0]))) as sender:
        sender.send(f"GET {target}?MsgId=1,2&status_name=DELIVERED,EXPIRED&idx=a,b HTTP/1.1\r\n\r\n".encode())
        client.run(SendTimes([], [], patience_s=5.0, report_calls=1))
        assert b"200 OK" in sender.recv(1_000)
    assert [(r.key, r.state) for r in receiver.received()] == [("a", "DELIVERED"), ("b", "EXPIRED")]
    assert receiver.received() == []
    client.close()
    receiver.close()


@pytest.mark.parametrize("loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_the_provider_sets_nodelay_on_accepted_connections(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def options() -> int:
        profile = parse_profile({"name": "p", "carriers": [{"name": "any", "country": "*"}]})
        provider = await start_provider(ProviderConfig(profile, token="t", admin_token="a", stop_grace_s=0.1))
        host, port = provider.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nHost: p\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        found = nodelay_of_peer(writer.get_extra_info("sockname"))
        writer.close()
        await provider.stop()
        return found

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(options()) != 0
