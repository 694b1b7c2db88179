"""Simulates one part in two processes, for a machine with an idle core.

The first process, with about two thirds of the work, has the arrivals, the sender up to the provider's
acceptance, and the provider up to its carriers' queues. The second has the radio, the reports and all that
follows from them (``second_half.py``). Nothing that the second does changes the first, as long as there is
one route without hedging and no fault or magic number that loses a reply. So both may be at different
times, and the rows are those of ``simulate`` to the last byte (``tests/property/test_two_processes.py``).

What would pass back is noticed: a request that timed out, an answer that leaves the acceptance open, a
throttled request (the sender's learned rate depends on when it looks at its limits), a message that ends
before it leaves its carrier's queue. Then the part is simulated again, in one process.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from loadtests.arrivals import Schedule
from loadtests.runner.child_process import Child, ending_text, start_child
from loadtests.simulate.arrivals import Arrivals
from loadtests.simulate.exchanges import exchange_of
from loadtests.simulate.frames import (
    CARRIED,
    CHANGED,
    ChangeRow,
    FirstHalfEnded,
    HalfFrame,
    HalfOrder,
    HalfStatus,
    change_row,
    read_status,
    write,
)
from loadtests.simulate.providers import SimulatedProvider
from loadtests.simulate.records import ArrivalRecords, Queued, queued_of
from loadtests.simulate.simulation import (
    SLICE_BITS,
    TOKEN,
    ZERO_NS,
    Ending,
    SchedulePass,
    Settings,
    SimulationProgress,
    simulate,
)
from loadtests.simulate.world import World
from mock_provider.engine.halves import FirstEngine
from mock_provider.engine.message import TrackedMessage
from mock_provider.engine.values import Effect, SendReports
from mock_provider.profiles import Profile, with_token
from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.halves import FirstDispatcher
from reference_sender.dispatch.values import Change, Message, State

_LEAST_MESSAGES = 200_000
_QUEUED = State.QUEUED


class SecondProcessError(RuntimeError):
    """The second process has ended too early. The text has its last output."""


class _NotSeparableError(Exception):
    """Something happened that would pass from the second process to the first."""


def simulate_in_two(
    schedule: Schedule,
    profile: Profile,
    settings: Settings,
    run_dir: Path,
    proceed: Callable[[SimulationProgress], bool],
) -> Ending:
    """As ``simulate``, in two processes if that is possible. The number of open messages that ``proceed``
    gets may be that of the previous sample.
    """
    if is_separable(len(schedule), profile, settings):
        settings = replace(settings, route=replace(settings.route, answers_status=False))
        second = SecondProcess(HalfOrder(schedule.plan, profile, settings, str(run_dir)))
        try:
            return _simulate_first(schedule, profile, settings, run_dir, second, proceed)
        except _NotSeparableError:
            pass
        finally:
            second.stop()
        gc.collect()  # the messages of this attempt are in cycles
    return simulate(schedule, profile, settings, run_dir, proceed)


def is_worth_it(messages: int) -> bool:
    """Whether there is an idle core, as far as known, and enough to do: the process starts in 2 s."""
    return messages >= _LEAST_MESSAGES and _cores() > 1


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def is_separable(count: int, profile: Profile, settings: Settings) -> bool:
    """Whether ``count`` messages may be simulated in two processes, as far as known before."""
    return (
        settings.second is None
        and settings.route.idempotency_window_s > 0  # ``simulate`` refuses others
        and settings.dispatch.hedge_otp_after_s is None
        and not profile.faults
        and not profile.numbers.magic
        and count <= profile.duplicates.remembered_keys
    )


class SecondProcess:
    """The process with ``second_half.py``. ``stop`` must be called in every case."""

    def __init__(self, order: HalfOrder) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - ``stop`` closes it
        self._child: Child = start_child(
            "loadtests.simulate.second_half",
            [],
            {},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        try:
            self.send(pickle.dumps(order))
        except BaseException:
            self.stop()
            raise

    def send(self, value: HalfFrame | bytes) -> None:
        """Raises ``SecondProcessError`` if it has ended, or the ``OSError`` that ended it."""
        stream = self._child.process.stdin
        assert stream is not None
        try:
            write(stream, value)
        except BrokenPipeError:
            raise self._ended() from None

    def status(self) -> HalfStatus:
        """Its next answer. Raises as ``send``."""
        stream = self._child.process.stdout
        assert stream is not None
        found = read_status(stream)
        if found is None:
            raise self._ended()
        if found.errno:
            raise _error_of(found)
        return found

    def finish(self) -> None:
        """Wait for its files. Raises as ``send``."""
        process = self._child.process
        assert process.stdin is not None
        process.stdin.close()
        if process.wait() != 0:
            raise self._ended()

    def stop(self) -> None:
        """End it, if it still runs."""
        self._child.process.kill()
        self._child.process.wait()
        self._child.release()
        self._log.close()

    def _ended(self) -> SecondProcessError | OSError:
        code = self._child.process.wait()
        answers = self._child.process.stdout
        assert answers is not None
        while (status := read_status(answers)) is not None:
            if status.errno:
                return _error_of(status)
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        last = f": {lines[-1]}" if lines else ""
        return SecondProcessError(
            f"the second process of the simulation ended with {ending_text(code)}{last}"
        )


def _error_of(status: HalfStatus) -> OSError:
    return OSError(status.errno, os.strerror(status.errno), status.filename)


class _Span:
    """Messages and changes since the last frame."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin the next frame."""
        self.kinds = bytearray()
        self.messages: list[TrackedMessage] = []
        self.times_ns: list[int] = []
        self.changes: list[ChangeRow] = []

    def carried(self, at_ns: int, _now_ns: int, message: TrackedMessage, _effects: list[Effect]) -> None:
        """The message left its carrier's queue."""
        self.kinds.append(CARRIED)
        self.times_ns.append(at_ns)
        self.messages.append(message)

    def changed(self, change: Change) -> None:
        """A change of the first dispatcher."""
        if change.state is _QUEUED:
            raise _NotSeparableError("a provider may have the message, and a report would say it")
        self.kinds.append(CHANGED)
        self.changes.append(change_row(change))


class _FirstRecords:
    """Writes ``load.arrow``, and sends everything else to the second process."""

    def __init__(
        self,
        arrivals: ArrivalRecords,
        span: _Span,
        second: SecondProcess,
        dispatcher: FirstDispatcher,
        engine: FirstEngine,
    ) -> None:
        self._arrivals = arrivals
        self._span = span
        self._second = second
        self._dispatcher = dispatcher
        self._engine = engine
        self._until_ns = ZERO_NS
        self._unread = 0  # answers
        self._is_asked = False  # with the last frame
        self.status = HalfStatus()  # perhaps of the previous sample

    def arrived(self, messages: Sequence[Message], refused: set[int]) -> None:
        """As ``RunRecords``."""
        self._arrivals.arrived(messages, refused)
        if messages:  # what the last one causes at once is not handled yet, as in one process
            self._until_ns = max(self._until_ns, messages[-1].created_ns - 1)

    def final_rows(self, engine: SimulatedProvider) -> None:
        """As ``RunRecords``."""
        self._send()

    def sample(self, at_ns: int, dispatcher: Dispatcher, engine: SimulatedProvider) -> None:
        """As ``RunRecords``."""
        self._until_ns = at_ns
        if self._unread:  # that of the previous sample: the second process need not have reached this one
            self._read()
        self._send(queued_of(dispatcher.state(at_ns)), asks=True)

    def end(self) -> None:
        """The run is over. Returns when the files of the second process are complete."""
        self._send(ended=FirstHalfEnded(self._engine.close_rows(), bytes(self._arrivals.accepted)))
        while self._unread:
            self._read()
        self._second.finish()

    def present_status(self) -> HalfStatus:
        """``status`` of the present time."""
        if not self._is_asked:
            self._send(asks=True)
        while self._unread:
            self._read()
        return self.status

    def _read(self) -> None:
        self.status = self._second.status()
        self._unread -= 1

    def _send(
        self, queued: Queued | None = None, asks: bool = False, ended: FirstHalfEnded | None = None
    ) -> None:
        engine, span = self._engine, self._span
        if self._dispatcher.routes[0].throttles:
            raise _NotSeparableError("the sender's rate depends on when it looks at its limits")
        if engine.take_rows():
            raise _NotSeparableError("a message ended before it left its carrier's queue")
        kinds, messages = bytes(span.kinds), span.messages
        accepted = engine.open_messages  # it closes none
        self._second.send(
            HalfFrame(
                kinds, messages, span.times_ns, span.changes, self._until_ns, accepted, queued, asks, ended
            )
        )
        self._unread += asks
        self._is_asked = asks
        engine.hand_over(messages)
        span.renew()


class _FirstWorld(World):
    """A world without reports."""

    def _report(self, now_ns: int, effect: SendReports) -> None:
        raise _NotSeparableError("a message ended before it left its carrier's queue")

    def _give_up(self, now_ns: int, batch_id: int) -> None:
        raise _NotSeparableError("a provider may have the messages, and reports would say it")


class _FirstPass(SchedulePass):
    """What is open, and due next, is so in both processes."""

    def __init__(
        self,
        arrivals: Arrivals,
        settings: Settings,
        world: _FirstWorld,
        records: _FirstRecords,
        dispatcher: FirstDispatcher,
        engine: FirstEngine,
        proceed: Callable[[SimulationProgress], bool],
    ) -> None:
        super().__init__(arrivals, settings, world, records, dispatcher, engine, proceed)
        self._first_records = records
        self._drains = False

    def _drain(self) -> None:
        self._drains = True
        super()._drain()

    def _next_due(self) -> int | None:
        first_ns, second_ns = self._world.next_due(), self._first_records.present_status().next_due_ns
        if first_ns is None or second_ns is None:
            return second_ns if first_ns is None else first_ns
        return min(first_ns, second_ns)

    def _open(self) -> int:
        records = self._first_records
        status = records.present_status() if self._drains or self._interrupted else records.status
        return super()._open() + status.awaiting_report - status.closed


def _simulate_first(
    schedule: Schedule,
    profile: Profile,
    settings: Settings,
    run_dir: Path,
    second: SecondProcess,
    proceed: Callable[[SimulationProgress], bool],
) -> Ending:
    span = _Span()
    dispatcher = FirstDispatcher(settings.dispatch, (settings.route,), settings.seed)
    engine = FirstEngine(with_token(profile, TOKEN), settings.seed, SLICE_BITS, span.carried)
    exchanges = {settings.route.name: exchange_of(profile, TOKEN, settings.as_bytes)}
    world = _FirstWorld(dispatcher, engine, exchanges, span.changed)
    arrivals = Arrivals(schedule, ZERO_NS, settings.max_segments, settings.dispatch.order == "arrival")
    with closing(ArrivalRecords(run_dir, schedule)) as arrived:
        records = _FirstRecords(arrived, span, second, dispatcher, engine)
        ending = _FirstPass(arrivals, settings, world, records, dispatcher, engine, proceed).simulate()
        records.end()
    return ending
