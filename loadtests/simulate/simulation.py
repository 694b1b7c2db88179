"""Simulates one part of a scenario in virtual time, from its first arrival until every message is final."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from analysis.records import RecordedFault
from loadtests.arrivals import NS_PER_S, Schedule
from loadtests.simulate.arrivals import Arrivals
from loadtests.simulate.exchanges import exchange_of
from loadtests.simulate.providers import Providers, SimulatedProvider
from loadtests.simulate.records import RunRecords
from loadtests.simulate.route_results import RouteResult, RouteResults
from loadtests.simulate.world import World
from mock_provider.engine import Engine
from mock_provider.profiles import Profile, with_token
from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import Lane, Message, RouteLimits
from reference_sender.routes import DEFAULT_ROUTE, ROUTES

TOKEN = "simulated"
# The clock's zero is a day after its origin, so that all instants are positive.
ZERO_NS = 86_400 * NS_PER_S
# Longest simulated time after the last arrival: no network retries a message for more than 72 hours.
DRAIN_TIMEOUT_S = 72 * 3600.0
# 8.6 s: most events of a message fall into one slice, and the heap of a day's slice is short. The time to
# sort that of a burst does not matter in virtual time.
SLICE_BITS = 33


class SecondRoute(Struct, frozen=True):
    """Another route of the sender, to a provider of its own."""

    route: RouteLimits
    profile: Profile


class Settings(Struct, frozen=True):
    """``sample_every_s``: virtual time between two rows of samples, and between two calls of ``proceed``."""

    seed: int
    route: RouteLimits
    drain_timeout_s: float = DRAIN_TIMEOUT_S
    sample_every_s: float = 60.0
    dispatch: DispatchSettings = DispatchSettings.model_validate({})
    as_bytes: bool = False
    max_segments: int = ROUTES[DEFAULT_ROUTE].max_segments  # of one message
    second: SecondRoute | None = None


class SimulationProgress(Struct, frozen=True):
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
    faults: tuple[RecordedFault, ...] = ()
    routes: tuple[RouteResult, ...] = ()  # of a sender with several


def simulate(
    schedule: Schedule,
    profile: Profile,
    settings: Settings,
    run_dir: Path,
    proceed: Callable[[SimulationProgress], bool],
) -> Ending:
    """Write ``load``, ``provider``, ``sender`` and ``samples.arrow`` of a run in virtual time.

    ``proceed`` gets the progress at each sample. False ends the run there; its records are complete. Raises
    ``ValueError`` for a route without a duplicate check.
    """
    used = [(settings.route, profile)]
    if settings.second is not None:
        used.append((settings.second.route, settings.second.profile))
    for route, _ in used:
        if not route.idempotency_window_s:
            raise ValueError(
                f"route {route.name}: a route without a duplicate check cannot be simulated: its messages "
                "without an answer are looked up at the provider, and lookups are not simulated"
            )
    # Queries for missing reports are not simulated: the world has no answer to them.
    limits = tuple(replace(route, answers_status=False) for route, _ in used)
    dispatcher = Dispatcher(settings.dispatch, limits, settings.seed)
    engines = {
        _token(number): Engine(
            with_token(each, _token(number)), settings.seed + number, slice_bits=SLICE_BITS
        )
        for number, (_, each) in enumerate(used)
    }
    engine = engines[TOKEN] if len(used) == 1 else Providers(engines)
    without_classes = settings.dispatch.order == "arrival"
    arrivals = Arrivals(schedule, ZERO_NS, settings.max_segments, without_classes)
    records = RunRecords(run_dir, schedule)
    exchanges = {
        route.name: exchange_of(each, _token(number), settings.as_bytes)
        for number, (route, each) in enumerate(used)
    }
    results = None
    if settings.second is not None:
        results = RouteResults({route.name: each.name for route, each in used}, records.changed)
    on_change = records.changed if results is None else results.changed
    world = World(dispatcher, engine, exchanges, on_change)

    def sampled(progress: SimulationProgress) -> bool:
        if results is not None:
            results.sample(progress.at_s, dispatcher.state(ZERO_NS + round(progress.at_s * NS_PER_S)).routes)
        return proceed(progress)

    run = SchedulePass(arrivals, settings, world, records, dispatcher, engine, sampled)
    try:
        ending = run.simulate()
        routes = () if results is None else results.results()
        return replace(ending, faults=_faults(engine, ending.end_ns), routes=routes)
    finally:
        records.close(engine)


def _token(number: int) -> str:
    """Of the account at the provider of a route. The first has the usual one."""
    return TOKEN if number == 0 else f"{TOKEN}-{number + 1}"


def _faults(engine: SimulatedProvider, now_ns: int) -> tuple[RecordedFault, ...]:
    """The provider's fault windows in the manifest's form."""
    return tuple(
        RecordedFault(span.name, span.kind, span.title, span.start_ns, span.end_ns, span.effect)
        for span in engine.fault_log(now_ns)
    )


class PassRecords(Protocol):
    """What a pass uses of ``RunRecords``."""

    def arrived(self, messages: Sequence[Message], refused: set[int]) -> None: ...

    def final_rows(self, engine: SimulatedProvider) -> None: ...

    def sample(self, at_ns: int, dispatcher: Dispatcher, engine: SimulatedProvider) -> None: ...


class SchedulePass:
    """One pass through the schedule and the drain after it."""

    def __init__(
        self,
        arrivals: Arrivals,
        settings: Settings,
        world: World,
        records: PassRecords,
        dispatcher: Dispatcher,
        engine: SimulatedProvider,
        proceed: Callable[[SimulationProgress], bool],
    ) -> None:
        self._arrivals = arrivals
        self._settings = settings
        self._world = world
        self._records = records
        self._dispatcher = dispatcher
        self._engine = engine
        self._proceed = proceed
        self._interrupted = False
        self._arrived = 0
        self._last_ns = self._now_ns = self._next_sample_ns = ZERO_NS
        self._step_ns = int(settings.sample_every_s * NS_PER_S)

    def simulate(self) -> Ending:
        for piece in self._arrivals.pieces():
            self._simulate_piece(piece.messages)
            if self._interrupted:
                break
        else:
            self._drain()
        return Ending(self._arrived, self._last_ns, self._now_ns, self._open(), self._interrupted)

    def _simulate_piece(self, messages: list[Message]) -> None:
        world, has_room = self._world, self._dispatcher.has_room
        roomy = all(has_room(len(messages), lane) for lane in Lane)  # then it has room for each of them
        refused: set[int] = set()
        before = self._arrived
        count = 0
        for message in messages:
            due_ns = message.created_ns
            if self._next_sample_ns <= due_ns:
                self._arrived = before + count
                if not self._sample_until(due_ns):
                    break
            world.run(due_ns)
            count += 1
            if roomy or has_room(1, message.lane):
                world.offer(due_ns, (message,))
            else:
                refused.add(message.message_id)
        self._arrived = before + count
        if count:
            self._last_ns = messages[count - 1].created_ns
        self._records.arrived(messages[:count], refused)
        self._records.final_rows(self._engine)

    def _sample_until(self, until_ns: int) -> bool:
        """Whether to continue."""
        while self._next_sample_ns <= until_ns:
            self._world.run(self._next_sample_ns)
            self._now_ns = self._next_sample_ns
            self._next_sample_ns += self._step_ns
            self._sample()
            if self._interrupted:
                return False
        return True

    def _drain(self) -> None:
        limit_ns = self._last_ns + int(self._settings.drain_timeout_s * NS_PER_S)
        self._now_ns = self._last_ns
        while self._open() and self._next_sample_ns <= limit_ns and not self._interrupted:
            due_ns = self._next_due()
            if due_ns is None:
                break
            # Hours may pass between two attempts for an absent subscriber; no samples are needed in between.
            self._now_ns = max(self._next_sample_ns, due_ns)
            self._world.run(self._now_ns)
            self._next_sample_ns = self._now_ns + self._step_ns
            self._sample()

    def _next_due(self) -> int | None:
        return self._world.next_due()

    def _open(self) -> int:
        return self._dispatcher.open_messages + self._engine.open_messages

    def _sample(self) -> None:
        self._records.sample(self._now_ns, self._dispatcher, self._engine)
        progress = SimulationProgress((self._now_ns - ZERO_NS) / NS_PER_S, self._arrived, self._open())
        self._interrupted = not self._proceed(progress)
