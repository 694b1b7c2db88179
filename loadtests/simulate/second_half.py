"""The second process of a simulation in two processes: from the radio and the acceptance to the
ends of the messages, and their rows. ``two_processes.py`` starts it.
"""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import IO

from loadtests.arrivals import Schedule
from loadtests.garbage import collector_off
from loadtests.simulate.exchange import Exchange
from loadtests.simulate.exchanges import exchange_of
from loadtests.simulate.frames import CARRIED, HalfFrame, HalfOrder, HalfStatus, frames, read, write
from loadtests.simulate.records import OutcomeRecords
from loadtests.simulate.simulation import SLICE_BITS, TOKEN
from loadtests.simulate.world import World
from mock_provider.engine.halves import SecondEngine
from mock_provider.engine.message import TrackedMessage
from mock_provider.profiles import with_token
from reference_sender.dispatch.halves import SecondDispatcher
from reference_sender.dispatch.values import Change, State

_FRAMES_AHEAD = 4  # read while earlier ones are simulated, so that the first process need not wait
_SENT = State.SENT


class SecondWorld(World):
    """A world without submits: messages come from the first process, in the order of time."""

    def __init__(
        self,
        dispatcher: SecondDispatcher,
        engine: SecondEngine,
        exchanges: Mapping[str, Exchange],
        on_change: Callable[[Change], None],
    ) -> None:
        super().__init__(dispatcher, engine, exchanges, on_change)
        self._second_dispatcher = dispatcher
        self._second_engine = engine
        self._at_ns = 0

    def carry(self, at_ns: int, message: TrackedMessage) -> None:
        """``message`` left its carrier's queue. Its effects follow what the sender gets at the same time."""
        self._reach(at_ns)
        self._to_do += self._second_engine.carry(at_ns, message)

    def changed(self, change: Change) -> None:
        """The first dispatcher made this change."""
        self._reach(change.at_ns)
        self._on_change(change)
        if change.state is _SENT:
            self._second_dispatcher.sent(change)
            self._asked(())  # its deadline may be the first

    def run(self, until_ns: int) -> None:
        """As ``World``."""
        if self._to_do:
            self._work_off(self._at_ns)
        super().run(until_ns)

    def _reach(self, at_ns: int) -> None:
        if at_ns > self._at_ns:
            self.run(at_ns - 1)
            self._at_ns = at_ns


class SecondHalf:
    """Simulates frame by frame."""

    def __init__(self, order: HalfOrder, answers: IO[bytes]) -> None:
        settings = order.settings
        self._answers = answers
        limits = (settings.route,)
        self._dispatcher = SecondDispatcher(settings.dispatch, limits, settings.seed)
        self._engine = SecondEngine(with_token(order.profile, TOKEN), settings.seed, slice_bits=SLICE_BITS)
        self._records = OutcomeRecords(Path(order.run_dir), Schedule(order.plan))
        exchanges = {settings.route.name: exchange_of(order.profile, TOKEN, settings.as_bytes)}
        self._world = SecondWorld(self._dispatcher, self._engine, exchanges, self._records.changed)

    def simulate(self, frame: HalfFrame) -> None:
        """Everything up to the end of the frame."""
        world, messages, changes = self._world, iter(frame.messages), iter(frame.changes)
        times_ns = iter(frame.times_ns)
        for kind in frame.kinds:
            if kind == CARRIED:
                world.carry(next(times_ns), next(messages))
            else:
                world.changed(Change(*next(changes)))
        world.run(frame.until_ns)
        engine, dispatcher = self._engine, self._dispatcher
        if frame.queued is not None:
            awaiting = dispatcher.state(frame.until_ns).awaiting_report
            self._records.depths(
                frame.until_ns, frame.queued, awaiting, frame.accepted - engine.closed_messages
            )
        self._records.final_rows(engine)
        if frame.ended is not None:
            rows = engine.take_rows()
            others = [*engine.close_rows(), *frame.ended.rows]
            rows += sorted(others, key=lambda row: row.t_submitted_ns or 0)  # as one engine has them
            self._records.close_with(rows, bytearray(frame.ended.accepted))
        if frame.asks:
            write(
                self._answers,
                HalfStatus(world.next_due(), dispatcher.open_messages, engine.closed_messages),
            )


def main() -> int:
    """The process's work. Returns its exit code, which is not 0 if the first process ended before the run.

    An error ends the process without the end of Python: the thread that reads may hold the lock of standard
    input, and Python would abort with a text of its own.
    """
    try:
        return _simulate_frames(sys.stdin.buffer, sys.stdout.buffer)
    except BaseException as error:
        with suppress(OSError):  # the first process has ended
            if isinstance(error, OSError) and error.errno is not None:
                filename = None if error.filename is None else str(error.filename)
                write(sys.stdout.buffer, HalfStatus(errno=error.errno, filename=filename))
            else:
                traceback.print_exc()
                sys.stderr.flush()
    os._exit(1)


def _simulate_frames(given: IO[bytes], answers: IO[bytes]) -> int:
    data = read(given)
    if data is None:
        return 1
    half = SecondHalf(pickle.loads(data), answers)
    ahead: Queue[HalfFrame | BaseException | None] = Queue(_FRAMES_AHEAD)

    def take() -> None:
        try:
            for frame in frames(given):
                ahead.put(frame)
        except BaseException as error:  # else both processes would wait forever
            ahead.put(error)
        else:
            ahead.put(None)

    Thread(target=take, daemon=True).start()
    is_complete = False
    with collector_off():
        while (frame := ahead.get()) is not None:
            if isinstance(frame, BaseException):
                raise frame
            half.simulate(frame)
            is_complete = frame.ended is not None
    return 0 if is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
