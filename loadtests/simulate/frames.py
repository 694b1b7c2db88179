"""What the first process of a simulation in two processes sends to the second, and the answers.

A frame has all messages and changes of a span of virtual time, in their order. One encoding of hundreds of
messages takes 2 us for each.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

import msgspec
from msgspec import Struct

from loadtests.arrivals import Plan
from loadtests.simulate.records import Queued
from loadtests.simulate.simulation import Settings
from mock_provider.engine.message import TrackedMessage
from mock_provider.engine.values import JournalRow
from mock_provider.profiles import Profile
from reference_sender.dispatch.values import Change, State

_LENGTH = struct.Struct("<Q")
CARRIED, CHANGED = 1, 2

ChangeRow = tuple[int, str, State, str, str | None, int, int, str | None]
"""The fields of a ``Change`` in their order, without the last."""


class HalfOrder(Struct, frozen=True):
    """What the second process simulates. It is pickled: profile and settings have models of pydantic."""

    plan: Plan
    profile: Profile
    settings: Settings
    run_dir: str


class FirstHalfEnded(Struct, frozen=True, array_like=True):
    """The end of the run: ``accepted`` is that of ``ArrivalRecords``, ``rows`` are those of messages that did
    not leave the first engine.
    """

    rows: list[JournalRow]
    accepted: bytes


class HalfFrame(Struct, frozen=True, array_like=True):
    """``kinds`` has the order of messages, with their times, and changes. They are followed by the events up
    to ``until_ns``, by the sample of that time if ``queued`` says what it has, and by an answer if ``asks``.
    ``accepted`` is the number of messages that the provider has accepted.
    """

    kinds: bytes
    messages: list[TrackedMessage]
    times_ns: list[int]
    changes: list[ChangeRow]
    until_ns: int
    accepted: int
    queued: Queued | None = None
    asks: bool = False
    ended: FirstHalfEnded | None = None


class HalfStatus(Struct, frozen=True, array_like=True):
    """The answer: when the next event is due, and how many messages are without report, and closed.

    With ``errno`` it is the last one: the second process ends with this error of the operating system, about
    the file ``filename`` if it is known.
    """

    next_due_ns: int | None = None
    awaiting_report: int = 0
    closed: int = 0
    errno: int = 0
    filename: str | None = None


_encode = msgspec.msgpack.Encoder().encode
_frame = msgspec.msgpack.Decoder(HalfFrame).decode
_status = msgspec.msgpack.Decoder(HalfStatus).decode


def change_row(change: Change) -> ChangeRow:
    """For a frame."""
    return (
        change.message_id,
        change.key,
        change.state,
        change.reason,
        change.provider_id,
        change.attempts,
        change.at_ns,
        change.route,
    )


def write(stream: IO[bytes], value: HalfFrame | HalfStatus | bytes) -> None:
    """Send a value. Raises ``BrokenPipeError`` if nobody reads."""
    data = value if isinstance(value, bytes) else _encode(value)
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def read(stream: IO[bytes]) -> bytes | None:
    """The bytes of the next value. None: the other process has ended."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    data = stream.read(size)
    return data if len(data) == size else None


def frames(stream: IO[bytes]) -> Iterator[HalfFrame]:
    """All frames up to the end of the stream."""
    while (data := read(stream)) is not None:
        yield _frame(data)


def read_status(stream: IO[bytes]) -> HalfStatus | None:
    """The next answer. None: the other process has ended."""
    data = read(stream)
    return None if data is None else _status(data)
