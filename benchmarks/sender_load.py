"""What the sender's benchmarks share: an HTTP load with an open model, and the instants at which the provider
got each message.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter, deque
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pyarrow as pa
from sender_processes import TOKEN


def post(path: str, content_type: str, body: bytes) -> bytes:
    """A request with its head."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


CLASS_FIELD = "message_class"


def single(key: str, number: int, message_class: str, class_field: str = CLASS_FIELD) -> bytes:
    """The request for one message. ``class_field``: earlier versions of the sender have another name."""
    text = (
        f"Your code is {number:06d}" if message_class == "otp" else "The spring sale begins tomorrow at nine."
    )
    fields = {"to": str(48_500_000_000 + number), "text": text, class_field: message_class, "key": key}
    return post("/v1/messages", "application/json", json.dumps(fields).encode())


def campaign(name: str, first: int, count: int, class_field: str = CLASS_FIELD) -> bytes:
    """The request for a campaign of ``count`` messages as CSV. Keys: the name and the number."""
    rows = "\n".join(f"{48_500_000_000 + n},{name}-{n:08d}" for n in range(first, first + count))
    path = f"/v1/campaigns?{class_field}=marketing&campaign={name}&text=The+spring+sale+begins+tomorrow"
    return post(path, "text/csv", b"to,key\n" + rows.encode() + b"\n")


class TimedReply:
    """The answer to one request, or None as status if the connection broke."""

    __slots__ = ("body", "retry_after", "sent_ns", "status", "took_ns")

    def __init__(self, sent_ns: int) -> None:
        self.sent_ns = sent_ns
        self.took_ns = 0
        self.status: int | None = None
        self.retry_after = False
        self.body = b""


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._data = b""
        self._waiter: asyncio.Future[TimedReply] | None = None
        self._reply = TimedReply(0)
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def ask(self, request: bytes, waiter: asyncio.Future[TimedReply]) -> None:
        assert self.transport is not None
        self._waiter, self._data = waiter, b""
        self._reply = TimedReply(time.monotonic_ns())
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._data = data = self._data + data if self._data else data
        head, found, body = data.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        reply = self._reply
        reply.took_ns = time.monotonic_ns() - reply.sent_ns
        reply.status = int(head[9:12])
        reply.retry_after = b"\r\nretry-after:" in lower
        reply.body = body
        self._end()
        if b"\r\nconnection: close" in lower and self.transport is not None:
            self.transport.close()
        else:
            self._pool.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._end()
        self._pool.lost(self)

    def _end(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(self._reply)


class Pool:
    """Connections to one server. A request waits if all are busy, as in a client with a limit."""

    def __init__(self, port: int, most: int) -> None:
        self._port = port
        self._most = most
        self._open = 0
        self._idle: list[_Connection] = []
        self._waiting: deque[tuple[bytes, asyncio.Future[TimedReply]]] = deque()
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Requests without a connection."""
        return len(self._waiting)

    def ask(self, request: bytes) -> asyncio.Future[TimedReply]:
        """Resolves to the reply. Never fails: a broken connection gives a reply without status."""
        waiter: asyncio.Future[TimedReply] = self._loop.create_future()
        while self._idle:
            connection = self._idle.pop()
            if connection.transport is not None and not connection.transport.is_closing():
                connection.ask(request, waiter)
                return waiter
        self._waiting.append((request, waiter))
        if self._open < self._most:
            self._open += 1
            task = self._loop.create_task(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        return waiter

    async def _connect(self) -> None:
        try:
            _, connection = await self._loop.create_connection(
                lambda: _Connection(self), "127.0.0.1", self._port
            )
        except OSError:
            self._open -= 1
            if self._waiting:
                waiter = self._waiting.popleft()[1]
                waiter.set_result(TimedReply(time.monotonic_ns()))
            return
        self.free(connection)

    def free(self, connection: _Connection) -> None:
        if self._waiting:
            connection.ask(*self._waiting.popleft())
        else:
            self._idle.append(connection)

    def lost(self, connection: _Connection) -> None:
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        if self._waiting and self._open < self._most:
            self._open += 1
            task = self._loop.create_task(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    def close(self) -> None:
        for connection in list(self._idle):
            if connection.transport is not None:
                connection.transport.abort()


class OpenLoad:
    """Singles at a fixed rate, whatever the answers. ``late_ns`` is the generator's own delay."""

    def __init__(self, pool: Pool, prefix: str, message_class: str, class_field: str = CLASS_FIELD) -> None:
        self._class_field = class_field
        self._pool = pool
        self._prefix = prefix
        self._class = message_class
        self._loop = asyncio.get_running_loop()
        self.statuses: Counter[int | None] = Counter()
        self.refusals_without_retry_after = 0
        self.acknowledged: list[str] = []
        self.sent_ns: dict[str, int] = {}
        self.late_ns: list[int] = []
        self.took_ns: list[int] = []  # from the request to its answer
        self.offered = 0
        self._first = 0

    async def run(self, per_s: float, seconds: float) -> None:
        """Offer for ``seconds``, then wait for the answers."""
        began = self._loop.time()
        count, n = int(per_s * seconds), 0
        waiters: set[asyncio.Future[TimedReply]] = set()
        while n < count:
            due = int((self._loop.time() - began) * per_s) + 1
            while n < min(due, count):
                key = f"{self._prefix}-{self._first + n:07d}"
                request = single(key, self._first + n, self._class, self._class_field)
                self.late_ns.append(int((self._loop.time() - began - n / per_s) * 1e9))
                waiter = self._pool.ask(request)
                waiter.add_done_callback(partial(self._answered, key))
                waiters.add(waiter)
                waiter.add_done_callback(waiters.discard)
                n += 1
            await asyncio.sleep(max(0.0, n / per_s - (self._loop.time() - began)))
        self.offered += count
        self._first += count
        while waiters:
            await asyncio.wait(list(waiters))

    def _answered(self, key: str, done: asyncio.Future[TimedReply]) -> None:
        reply = done.result()
        self.statuses[reply.status] += 1
        self.sent_ns[key] = reply.sent_ns
        if reply.status == 202:
            self.acknowledged.append(key)
            self.took_ns.append(reply.took_ns)
        elif reply.status in (429, 503) and not reply.retry_after:
            self.refusals_without_retry_after += 1


def submitted_ns(journal: Path) -> dict[str, int]:
    """When the provider got each message first, by key; rows of accepted messages. The provider has ended."""
    found: dict[str, int] = {}
    with pa.ipc.open_stream(journal) as rows:
        for batch in rows:
            keys, instants = batch.column("key").to_pylist(), batch.column("t_submitted_ns").to_pylist()
            found.update(zip(keys, instants, strict=True))
    return found


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that ``share`` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
