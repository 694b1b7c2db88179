"""Receives the provider's delivery reports: records them with their instant and confirms them at once.

It runs in the client's loop and not in a separate process, so both have the same clock and the same delay.
"""

from __future__ import annotations

import select
import socket
import time
from urllib.parse import parse_qs

from msgspec import Struct

_CONFIRMED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK"
_PIECE_BYTES = 65_536
_HEAD_END = b"\r\n\r\n"


class ReceivedReport(Struct, frozen=True, gc=False):
    """One report as received: the message's reference, the state, and the gap since the last poll."""

    key: str
    state: str
    at_ns: int
    poll_gap_ns: int


class Receiver:
    """Receives SMSAPI's report calls (GET, parallel lists in the query) on a port that the system chooses."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._listening.setblocking(False)
        self._open: dict[int, tuple[socket.socket, bytearray]] = {}
        self._poll: select.epoll | None = None
        self._calls: list[tuple[int, int, bytes]] = []
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/dlr"

    @property
    def calls(self) -> list[tuple[int, int, bytes]]:
        """Unparsed calls; they are parsed after the measurement."""
        return self._calls

    def watch(self, poll: select.epoll) -> None:
        """Use this poll from now on; close the earlier connections."""
        self._close_connections()
        self._poll = poll
        poll.register(self._listening.fileno(), select.EPOLLIN)

    def take(self, number: int, polled_ns: int) -> None:
        """There is input on this file descriptor."""
        if number == self._listening.fileno():
            self._accept()
            return
        entry = self._open.get(number)
        if entry is None:
            return
        connection, received = entry
        try:
            piece = connection.recv(_PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._forget(number)
            return
        received += piece
        now_ns = time.monotonic_ns()
        while (head_ends := received.find(_HEAD_END)) >= 0:
            self._calls.append((now_ns, now_ns - polled_ns, bytes(received[: received.find(b"\r\n")])))
            del received[: head_ends + len(_HEAD_END)]
            connection.send(_CONFIRMED)

    def received(self) -> list[ReceivedReport]:
        """All reports since the last call, in order of arrival."""
        calls, self._calls = self._calls, []
        return [report for call in calls for report in _reports(*call)]

    def close(self) -> None:
        self._close_connections()
        self._listening.close()

    def _accept(self) -> None:
        assert self._poll is not None
        try:
            connection, _ = self._listening.accept()
        except BlockingIOError:
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open[connection.fileno()] = (connection, bytearray())
        self._poll.register(connection.fileno(), select.EPOLLIN)

    def _forget(self, number: int) -> None:
        connection, _ = self._open.pop(number)
        if self._poll is not None:
            self._poll.unregister(number)
        connection.close()

    def _close_connections(self) -> None:
        for connection, _ in self._open.values():
            connection.close()
        self._open.clear()


def _reports(at_ns: int, poll_gap_ns: int, line: bytes) -> list[ReceivedReport]:
    query = parse_qs(line.split(b" ")[1].partition(b"?")[2].decode("latin-1"))
    keys = query.get("idx", [""])[0].split(",")
    states = query.get("status_name", [""])[0].split(",")
    return [ReceivedReport(key, state, at_ns, poll_gap_ns) for key, state in zip(keys, states, strict=True)]
