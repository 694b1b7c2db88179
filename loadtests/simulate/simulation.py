"""Lives one part of a scenario in virtual time, from its first arrival until every message is final."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from analysis.records import FaultSpan
from loadtests.arrivals import NS_PER_S, Schedule
from loadtests.simulate.records import RunRecords
from loadtests.simulate.world import Link, World
from mock_provider.engine import Engine
from mock_provider.profiles import Profile, with_token
from mock_provider.wire.smsapi import Smsapi
from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import Lane, RouteLimits
from reference_sender.intake import Intake, Request

TOKEN = "simulated"
# The clock's zero lies a day after its origin, so that no instant is negative and none is the origin itself.
ZERO_NS = 86_400 * NS_PER_S
# How long after the last arrival the world goes on at most: no network tries a message longer than 72 hours.
DRAIN_LIMIT_S = 72 * 3600.0


class Settings(Struct, frozen=True):
    """``sample_every_s`` is virtual time between two rows of samples, and between two calls of ``go_on``."""

    seed: int
    route: RouteLimits
    drain_limit_s: float = DRAIN_LIMIT_S
    sample_every_s: float = 60.0
    dispatch: DispatchSettings = DispatchSettings.model_validate({})
    through_wire: bool = False


class Progress(Struct, frozen=True):
    at_s: float
    arrived: int
    open: int


class Ending(Struct, frozen=True):
    """``last_arrival_ns`` and ``end_ns`` are on the run's clock; ``open`` messages were not final by then."""

    arrived: int
    last_arrival_ns: int
    end_ns: int
    open: int
    interrupted: bool
    faults: tuple[FaultSpan, ...] = ()


def simulate(
    schedule: Schedule,
    profile: Profile,
    settings: Settings,
    run_dir: Path,
    go_on: Callable[[Progress], bool],
) -> Ending:
    """Write ``load``, ``provider``, ``sender`` and ``samples.arrow`` of a run in virtual time.

    ``go_on`` is told where it stands, once a sample; False ends the run there, with all its records whole.
    """
    engine = Engine(with_token(profile, TOKEN), settings.seed)
    dispatcher = Dispatcher(settings.dispatch, (settings.route,), settings.seed)
    records = RunRecords(run_dir)
    wire = Smsapi(profile.wire.smsapi, profile.account.price_per_segment)
    world = World(dispatcher, engine, wire, Link(TOKEN), records.changed)
    life = _Life(schedule, settings, world, records, dispatcher, engine, go_on)
    try:
        ending = life.live()
        return replace(ending, faults=_faults(engine, ending.end_ns))
    finally:
        records.close(engine)


def _faults(engine: Engine, now_ns: int) -> tuple[FaultSpan, ...]:
    """The provider's fault windows, as the manifest has them."""
    return tuple(
        FaultSpan(span.name, span.kind, span.title, span.start_ns, span.end_ns)
        for span in engine.fault_log(now_ns)
    )


class _Life:
    """One pass through the schedule and the drain behind it."""

    def __init__(
        self,
        schedule: Schedule,
        settings: Settings,
        world: World,
        records: RunRecords,
        dispatcher: Dispatcher,
        engine: Engine,
        go_on: Callable[[Progress], bool],
    ) -> None:
        self._schedule = schedule
        self._settings = settings
        self._world = world
        self._records = records
        self._dispatcher = dispatcher
        self._engine = engine
        self._go_on = go_on
        self._interrupted = False
        self._intake = Intake("sim", 0)
        self._arrived = 0
        self._step_ns = int(settings.sample_every_s * NS_PER_S)

    def live(self) -> Ending:
        agenda = self._world.agenda
        last_ns = now_ns = next_sample_ns = ZERO_NS
        for slot, offset_ns in enumerate(self._schedule.intended_ns.tolist()):
            due_ns = ZERO_NS + offset_ns
            while next_sample_ns <= due_ns and not self._interrupted:
                agenda.run(next_sample_ns)
                self._sample(next_sample_ns)
                now_ns = next_sample_ns
                next_sample_ns += self._step_ns
            if self._interrupted:
                return Ending(self._arrived, last_ns, now_ns, self._open(), interrupted=True)
            agenda.run(due_ns)
            self._arrive(due_ns, slot)
            last_ns = due_ns
        now_ns = self._drain(last_ns, next_sample_ns)
        return Ending(self._arrived, last_ns, now_ns, self._open(), self._interrupted)

    def _drain(self, last_ns: int, next_sample_ns: int) -> int:
        limit_ns = last_ns + int(self._settings.drain_limit_s * NS_PER_S)
        now_ns = last_ns
        while self._open() and next_sample_ns <= limit_ns and not self._interrupted:
            due_ns = self._world.agenda.next_due()
            if due_ns is None:
                break
            # Hours may pass between two tries of an absent subscriber: nothing is to be sampled in between.
            next_sample_ns = max(next_sample_ns, due_ns)
            self._world.agenda.run(next_sample_ns)
            now_ns = next_sample_ns
            self._sample(now_ns)
            next_sample_ns += self._step_ns
        return now_ns

    def _arrive(self, now_ns: int, slot: int) -> None:
        arrival = self._schedule.message(slot)
        self._arrived += 1
        lane = Lane(arrival.message_class)
        if not self._dispatcher.has_room(1, lane):
            self._records.refused(now_ns, arrival)
            return
        request = Request(arrival.to, arrival.text, lane, key=arrival.key, campaign=arrival.campaign)
        message = self._intake.message(request, now_ns)
        self._records.taken(now_ns, message)
        self._world.offer(now_ns, (message,))

    def _open(self) -> int:
        state = self._dispatcher.state()
        waiting = state.queue_otp + state.queue_transactional + state.queue_marketing
        return waiting + state.in_flight_messages + state.awaiting_report + self._engine.state().open

    def _sample(self, at_ns: int) -> None:
        self._records.sample(at_ns, self._dispatcher, self._engine)
        progress = Progress((at_ns - ZERO_NS) / NS_PER_S, self._arrived, self._open())
        self._interrupted = not self._go_on(progress)
