"""A warm-up before the load: some messages run through the whole code path of the worker.

The first requests are slow: code, memory and imports are cold. On a busy machine that made the first second
of a load tens of milliseconds late. The warm-up uses the worker's dispatcher and connections against a
responder in the same process, so the target receives nothing.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gevent
from gevent.server import StreamServer

from analysis.records import LOAD_SCHEMA, RowWriter
from loadtests.arrivals import Constant, Mix, Plan, PlannedMessage, Schedule, Stream
from loadtests.recording import LoadRecorder, LoadRow
from loadtests.users.adapters import Adapter, Endpoint, Judgement, TargetRequest
from loadtests.users.dispatcher import DispatcherSettings, LoadDispatcher

_RATE_PER_S = 500.0
_LASTS_S = 0.3
_PATIENCE_S = 2.0
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_REPLY = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class _Elsewhere:
    """The target's adapter, with requests to the responder."""

    def __init__(self, adapter: Adapter, port: int) -> None:
        self._adapter = adapter
        self.endpoint = Endpoint("127.0.0.1", port)
        self.name = adapter.name
        self.timeout_s = _PATIENCE_S

    def request(self, message: PlannedMessage) -> TargetRequest:
        return self._adapter.request(message)

    def encode(self, message: PlannedMessage) -> bytes:
        return self._adapter.encode(message)

    def judge(self, status: int, body: bytes) -> Judgement:
        return self._adapter.judge(status, body)


class _Rows(LoadRecorder):
    """Keeps the rows, so that they can be converted once."""

    def __init__(self) -> None:
        super().__init__(None, 0)
        self.rows: list[Sequence[Any]] = []

    def row(self, row: LoadRow) -> None:
        self.rows.append(row)


def rehearse(plan: Plan, adapter: Adapter) -> int:
    """Send some messages of every class; return the number of answers. It takes 0.4 s."""
    stream = Stream(Constant(_RATE_PER_S, _LASTS_S), mix=Mix(1.0, 1.0, 1.0), campaign="rehearsal")
    small = Plan(streams=(stream,), seed=plan.seed, key_tag="rehearsal", in_flight_limit=64, texts=plan.texts)
    schedule = Schedule(small)
    server = StreamServer(("127.0.0.1", 0), _respond)
    server.start()
    recorder = _Rows()
    try:
        settings = DispatcherSettings(0, small.in_flight_limit, time.monotonic_ns() + 20_000_000)
        dispatcher = LoadDispatcher(
            schedule,
            schedule.share(0, 1),
            _Elsewhere(adapter, server.server_port),
            settings,
            recorder,
            lambda done: None,
        )
        player = gevent.spawn(dispatcher.run)
        player.join(_PATIENCE_S)
        player.kill()
        dispatcher.stop(0.0)
        answered = dispatcher.status().accepted + dispatcher.status().refused
        dispatcher.close()
    finally:
        server.stop(timeout=0.1)
    _convert(recorder.rows)
    return answered


def _convert(rows: Sequence[Sequence[Any]]) -> None:
    writer = RowWriter(Path(os.devnull), LOAD_SCHEMA)
    for row in rows:
        writer.append(row)
    writer.close()


def _respond(sock: Any, address: Any) -> None:
    """Answer each request on the connection."""
    data = b""
    while piece := sock.recv(65_536):
        data += piece
        while (end := data.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(data[:end])
            whole = end + 4 + (int(found[1]) if found is not None else 0)
            if len(data) < whole:
                break
            data = data[whole:]
            sock.sendall(_REPLY)
