"""The order in which received requests are read when they come faster than the sender can read them.

An event loop reads everything that has arrived before it does anything else, so with thousands of busy
connections each later step of a message (commit, submit, answer) would wait for the reading of all of them.
Here a turn of the loop reads a few requests; the others wait in order of arrival, except those that name the
OTP class. The bytes are only searched for that name: the intake checks the class, and a wrong guess changes
the order and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Protocol

REQUESTS_PER_TURN = 16
_OTP_MARKS = (b'"otp"', b"=otp")  # in JSON, and in a query
_MOST_WAITING_BYTES = 65_536  # of one connection. Beyond it the reader's own flow control is needed


class ReadingConnection(Protocol):
    """A connection."""

    def read(self, data: bytes) -> None:
        """Read what was received."""
        ...


class ReadingOrder:
    """Shared by all connections of a process. For the event loop's thread."""

    def __init__(self, requests_a_turn: int = REQUESTS_PER_TURN) -> None:
        self._requests_a_turn = requests_a_turn
        self._loop = asyncio.get_running_loop()
        self._read = 0  # in this turn
        self._turn_ends = False  # its end is scheduled
        self._waiting: OrderedDict[ReadingConnection, bytes] = OrderedDict()

    def __len__(self) -> int:
        """The number of connections whose data waits."""
        return len(self._waiting)

    def received(self, reader: ReadingConnection, data: bytes) -> None:
        """``reader`` received ``data``, which begins or continues a request. It is read now or in a later
        turn.
        """
        waiting = self._waiting
        if waiting:
            before = waiting.get(reader)
            if before is not None:
                data = before + data
        if self._read < self._requests_a_turn and not waiting:
            self._read += 1
        elif len(data) > _MOST_WAITING_BYTES or any(mark in data for mark in _OTP_MARKS):
            waiting.pop(reader, None)
        else:
            waiting[reader] = data
            return
        if not self._turn_ends:
            self._turn_ends = True
            self._loop.call_soon(self._next_turn)
        reader.read(data)

    def hurry(self, reader: ReadingConnection) -> None:
        """``reader`` receives nothing more: let it read what waits."""
        data = self._waiting.pop(reader, None)
        if data is not None:
            reader.read(data)

    def forget(self, reader: ReadingConnection) -> None:
        """``reader`` is closed: drop its data."""
        self._waiting.pop(reader, None)

    def _next_turn(self) -> None:
        waiting = self._waiting
        self._read = min(len(waiting), self._requests_a_turn)
        self._turn_ends = bool(waiting)
        if waiting:
            self._loop.call_soon(self._next_turn)
        for _ in range(self._read):
            reader, data = waiting.popitem(last=False)
            reader.read(data)
