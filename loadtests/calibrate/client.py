"""An open-loop HTTP client: it sends every request at its instant, independent of earlier answers.

It never sleeps while it measures. It polls its sockets in a loop, so it sees an answer within microseconds.
It records the time since its last poll, so that its own delay is not attributed to the provider.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from loadtests.calibrate.receiver import Receiver
from loadtests.garbage import collector_off

CUT, SILENT = 0, -1  # in place of a status: the connection was cut; no answer came in time
_PIECE_BYTES = 65_536
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"Content-Length: "


class TimedAnswer(Struct, gc=False):
    """The result of one request. Instants are CLOCK_MONOTONIC in ns.

    ``poll_gap_ns``: the time since the last poll when the client saw the answer. ``pieces``: number of reads.
    """

    number: int
    intended_ns: int
    sent_ns: int = 0
    answered_ns: int = 0
    poll_gap_ns: int = 0
    status: int = SILENT
    body: bytes = b""
    pieces: int = 0

    @property
    def client_late_ns(self) -> int:
        """The part of the latency that may be the client's: its delay in sending and in polling."""
        return self.sent_ns - self.intended_ns + self.poll_gap_ns


class Watch(Protocol):
    """Something that the client polls while it runs."""

    due_ns: int

    def sample(self) -> None: ...


class SendTimes(Struct, frozen=True):
    """Requests as bytes, and the instant of each, in ns from the start."""

    requests: Sequence[bytes]
    offsets_ns: Sequence[int]
    patience_s: float = 2.0  # how long to wait for answers and reports after the last request
    report_calls: int = 0  # report calls to wait for; each has one report


class _ClientConnection:
    __slots__ = ("answer", "pieces", "received", "socket")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.answer: TimedAnswer | None = None
        self.received = b""
        self.pieces = 0


class OpenLoopClient:
    """Keep-alive connections to one server, one request at a time on each. It opens more if all are busy."""

    def __init__(self, host: str, port: int, receiver: Receiver | None = None) -> None:
        self._address = (host, port)
        self._receiver = receiver
        self._poll = select.epoll()
        self._open: dict[int, _ClientConnection] = {}
        self._idle: list[_ClientConnection] = []
        self._unanswered = 0
        if receiver is not None:
            receiver.watch(self._poll)

    def close(self) -> None:
        for connection in list(self._open.values()):
            self._drop(connection)
        self._poll.close()

    def connect(self, connections: int) -> None:
        """Keep at least this many connections open and idle, so that none is opened during a measurement."""
        while len(self._idle) < connections:
            self._idle.append(self._new())

    @property
    def sockets(self) -> list[socket.socket]:
        """Of the open connections."""
        return [connection.socket for connection in self._open.values()]

    def run(self, schedule: SendTimes, watch: Watch | None = None) -> tuple[int, list[TimedAnswer]]:
        """Send all at their instants. Returns the start, and one answer per request in the order of the
        requests.
        """
        requests, offsets = schedule.requests, schedule.offsets_ns
        patience_ns = round(schedule.patience_s * 1e9)
        with collector_off():
            begun_ns = time.monotonic_ns() + 2_000_000
            answers = [TimedAnswer(n, begun_ns + offset) for n, offset in enumerate(offsets)]
            give_up_ns = begun_ns + (offsets[-1] if offsets else 0) + patience_ns
            self._unanswered = len(answers)
            receiver = self._receiver
            now = time.monotonic_ns
            upcoming, count = 0, len(answers)
            polled_ns = now()
            while True:
                now_ns = now()
                while upcoming < count and answers[upcoming].intended_ns <= now_ns:
                    self._send(answers[upcoming], requests[upcoming])
                    upcoming += 1
                    now_ns = now()
                ready = self._poll.poll(0)
                if ready:
                    self._take(ready, polled_ns)
                polled_ns = now_ns
                if watch is not None and now_ns >= watch.due_ns:
                    watch.sample()
                if not self._unanswered and (
                    receiver is None or len(receiver.calls) >= schedule.report_calls
                ):
                    break
                if now_ns > give_up_ns:
                    break
        if watch is not None:
            watch.sample()
        for connection in [c for c in self._open.values() if c.answer is not None]:
            self._drop(connection)  # a late answer would be matched to another request
        return begun_ns, answers

    def _new(self) -> _ClientConnection:
        connection = _ClientConnection(self._address)
        self._open[connection.socket.fileno()] = connection
        self._poll.register(connection.socket.fileno(), select.EPOLLIN)
        return connection

    def _drop(self, connection: _ClientConnection) -> None:
        number = connection.socket.fileno()
        del self._open[number]
        self._poll.unregister(number)
        connection.socket.close()

    def _send(self, answer: TimedAnswer, request: bytes) -> None:
        try:
            connection = self._idle.pop() if self._idle else self._new()
            connection.answer = answer
            answer.sent_ns = time.monotonic_ns()
            connection.socket.send(request)
        except OSError:
            answer.sent_ns = answer.answered_ns = time.monotonic_ns()
            self._end(answer, CUT)

    def _take(self, ready: list[tuple[int, int]], polled_ns: int) -> None:
        for number, _ in ready:
            connection = self._open.get(number)
            if connection is None:
                if self._receiver is not None:
                    self._receiver.take(number, polled_ns)
                continue
            try:
                piece = connection.socket.recv(_PIECE_BYTES)
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    continue
                piece = b""
            now_ns = time.monotonic_ns()
            self._received(connection, piece, now_ns, now_ns - polled_ns)

    def _received(self, connection: _ClientConnection, piece: bytes, now_ns: int, poll_gap_ns: int) -> None:
        answer = connection.answer
        if answer is None:  # closed while idle
            self._idle.remove(connection)
            self._drop(connection)
            return
        connection.received += piece
        connection.pieces += 1
        if piece and not _is_whole(connection.received):
            return
        answer.answered_ns, answer.poll_gap_ns, answer.pieces = now_ns, poll_gap_ns, connection.pieces
        if not piece:
            self._drop(connection)
            self._end(answer, CUT)
            return
        head, _, answer.body = connection.received.partition(_HEAD_END)
        self._end(answer, int(head[9:12]))
        connection.answer, connection.received, connection.pieces = None, b"", 0
        if b"Connection: close" in head:
            self._drop(connection)
        else:
            self._idle.append(connection)

    def _end(self, answer: TimedAnswer, status: int) -> None:
        answer.status = status
        self._unanswered -= 1


def _is_whole(received: bytes) -> bool:
    """Whether the reply is complete. The provider gives each a length (RFC 9112 §6.3)."""
    head_ends = received.find(_HEAD_END)
    if head_ends < 0:
        return False
    at = received.find(_LENGTH, 0, head_ends)
    if at < 0:
        return True
    length = int(received[at + len(_LENGTH) : received.find(b"\r", at, head_ends + 1)])
    return len(received) >= head_ends + len(_HEAD_END) + length
