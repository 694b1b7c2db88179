"""The world of one storm: virtual time, the sender's processes one after another, providers and clients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from heapq import heappop, heappush

from loadtests.arrivals import NS_PER_S
from loadtests.storm.client import StormClient
from loadtests.storm.draws import chance
from loadtests.storm.faults.network import NetworkTrouble
from loadtests.storm.operator import Operator
from loadtests.storm.plan import Call, RoutePlan, StormPlan
from loadtests.storm.process import Process
from loadtests.storm.provider import AwaitedReportCall, StormProvider
from loadtests.storm.store import Disk, ModelStore
from loadtests.storm.watch import StormWatch
from mock_provider.engine.faults.settings import FaultSettings
from reference_sender.dispatch import DispatchSettings
from reference_sender.dispatch.values import Report, RouteLimits
from reference_sender.store.protocol import StoreError

BEGIN_S = 1_000.0  # of the storm on the world's clock
_EPOCH_NS = 1_700_000_000 * NS_PER_S  # of the wall clock, ahead of the world's
_LAST_COMMIT_S = 5.0  # after the drain (``runtime/driver.py``)
_QUERY_S = 10.0  # without a report, before a provider is asked
_RESTART_NS = 1 * NS_PER_S  # after a start that failed
_WALL_LOOK_S = 1.0  # the longest time until a process notices (``runtime/wall_watch.py``)
# Longest quiet time: the longest validity, twice for a clock that was set back, then the wait for a report.
QUIET_S = 6 * 3_600.0


class StormWorld:
    """``run`` makes the storm of ``plan`` and the quiet time after it."""

    def __init__(self, plan: StormPlan, notes: list[str] | None = None) -> None:
        self.plan = plan
        self.begin_s = BEGIN_S
        self.now_ns = int(BEGIN_S * NS_PER_S)
        self.wall_ahead_ns = _EPOCH_NS
        self.wall_forward_s = 0.0  # by how much it was set forward, in all
        self.wall_back_s = 0.0
        self.paused = False
        self.strikes: Counter[str] = Counter()
        self.watch = StormWatch(self)
        self.operator = Operator(self)
        self.links: dict[str, list[NetworkTrouble]] = {route.name: [] for route in plan.routes}
        self.provider_faults: dict[str, list[FaultSettings]] = {route.name: [] for route in plan.routes}
        self.slow_disk: list[tuple[float, float, float]] = []
        self.late_errors: list[tuple[float, float]] = []  # windows in which a kept commit is reported failed
        self.disk = Disk()
        self.settings = _settings(plan)
        self.limits = tuple(_limits(route) for route in plan.routes)
        self.process: Process | None = None
        self.past: list[Process] = []  # the present one included
        self.processes = 0  # starts, those that failed included
        self._notes = notes
        self._begin_ns = self.now_ns
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._steps: Counter[str] = Counter()
        self._crashes: dict[tuple[str, int], float] = {}
        for fault in plan.faults:
            fault.begin(self)
        self.providers = {route.name: StormProvider(self, route) for route in plan.routes}
        self.clients = [client for call in plan.calls for client in self._clients(call)]

    @property
    def storm_at_s(self) -> float:
        """Seconds since the storm began."""
        return (self.now_ns - self._begin_ns) / NS_PER_S

    @property
    def ended_quietly(self) -> bool:
        """Whether nothing was left to happen when the quiet time ended."""
        return not self._events

    def run(self) -> None:
        """Make the storm."""
        self._start()
        until_ns = self.now_ns + int((self.plan.storm_s + QUIET_S) * NS_PER_S)
        events = self._events
        # What is scheduled waits until a clock that was set back is there again.
        while events and events[0][0] <= until_ns + self.wall_back_s * NS_PER_S:
            self.now_ns, _, act = heappop(events)
            act()
        for provider in self.providers.values():
            provider.end()

    def later(self, delay_ns: int, act: Callable[[], None]) -> None:
        """Do it after that time; what is due at one instant happens in the order of the calls."""
        self._count += 1
        heappush(self._events, (self.now_ns + delay_ns, self._count, act))

    def at(self, at_s: float, act: Callable[[], None]) -> None:
        """Do it at an instant of the storm."""
        self.later(int(at_s * NS_PER_S), act)

    def struck(self, name: str) -> None:
        """Count that a fault did something."""
        self.strikes[name] += 1

    def note(self, text: str) -> None:
        """Write a line of the trace."""
        if self._notes is not None:
            self._notes.append(f"{self.storm_at_s:10.3f} s  {text}")

    @property
    def is_noting(self) -> bool:
        """Whether the trace is kept."""
        return self._notes is not None

    def crash_before(self, step: str, ordinal: int, down_s: float) -> None:
        """Kill the sender just before it makes ``step`` for the ``ordinal``-th time."""
        self._crashes[step, ordinal] = down_s

    def step(self, name: str) -> bool:
        """The sender is about to make this step; True if it is killed instead."""
        self._steps[name] += 1
        down_s = self._crashes.get((name, self._steps[name]))
        if down_s is None:
            return False
        self.crash(f"sender_crash_before_{name}", down_s)
        return True

    def crash(self, name: str, down_s: float) -> None:
        """Kill the sender; another process starts after ``down_s``."""
        process, self.process = self.process, None
        if process is None:
            return
        self.struck(name)
        self.note(f"{name}: process {process.number} is killed")
        self.paused = False
        process.die()
        self.later(int(down_s * NS_PER_S), self._start)

    def stop(self, drain_s: float, down_s: float) -> None:
        """Let the sender end in order; another process starts after ``down_s``. It is killed if that takes
        too long.
        """
        process = self.process
        if process is None or process.stopping:
            return
        self.struck("sender_stop")
        self.note(f"sender_stop: process {process.number} takes no more messages")

        def ended() -> None:
            if self.process is process:
                self.process = None
                self.note(f"process {process.number} has ended")
                self.later(int(down_s * NS_PER_S), self._start)

        def kill() -> None:
            if self.process is process:
                self.crash("sender_crash", down_s)

        process.input(lambda: process.stop(int(drain_s * NS_PER_S), ended))
        self.later(int((2 * drain_s + _LAST_COMMIT_S) * NS_PER_S), kill)

    def pause(self, lasts_s: float) -> None:
        """Let the sender stand still."""
        process = self.process
        if process is None or self.paused:
            return
        self.struck("sender_pause")
        self.note("sender_pause: the process is paused")
        self.paused = True

        def resume() -> None:
            if self.process is process and self.paused:
                self.paused = False
                self.note("the process continues")
                process.resume()

        self.later(int(lasts_s * NS_PER_S), resume)

    def set_disk_full(self, full: bool) -> None:
        """Let the disk take no more, or again."""
        self.note("the disk is full" if full else "the disk has room")
        self.disk.full = full

    def commit_error_is_late(self) -> bool:
        """Whether a commit that was kept is reported as failed now."""
        at_s = self.storm_at_s
        return any(begin_s <= at_s < end_s for begin_s, end_s in self.late_errors)

    def slow_commit_s(self) -> float:
        """How long a commit takes that begins now; 0: as usual."""
        at_s = self.storm_at_s
        return max((each[2] for each in self.slow_disk if each[0] <= at_s < each[1]), default=0.0)

    def step_wall_clock(self, by_s: float) -> None:
        """Set the wall clock."""
        self.struck("wall_clock_back" if by_s < 0 else "wall_clock_forward")
        self.note(f"the wall clock is set by {by_s:g} s")
        self.wall_ahead_ns += int(by_s * NS_PER_S)
        self.wall_forward_s += max(0.0, by_s)
        self.wall_back_s += max(0.0, -by_s)
        process = self.process
        if process is not None:
            drawn = chance(self.plan.seed, "wall clock", int(self.wall_forward_s), int(self.wall_back_s))
            self.later(
                int(_WALL_LOOK_S * drawn * NS_PER_S), lambda: process.input(process.look_at_wall_clock)
            )

    def take_reports(self, reports: Sequence[Report], waiter: AwaitedReportCall) -> None:
        """A provider calls the sender."""
        process = self.process
        if process is None:
            waiter.end(False)
        else:
            process.input(lambda: process.reported(reports, waiter))

    def _start(self) -> None:
        """Start a process. It is tried again if the store cannot be opened."""
        self.processes += 1
        try:
            store = ModelStore(self.disk)
        except StoreError as error:
            self.note(f"the sender does not start: {error}")
            self.later(_RESTART_NS, self._start)
            return
        self.note(f"process {self.processes} starts")
        self.process = process = Process(self, self.processes, store)
        self.past.append(process)
        process.recover()

    def _clients(self, call: Call) -> list[StormClient]:
        places = range(call.count)
        each = [places] if call.together else [range(place, place + 1) for place in places]
        clients = [StormClient(self, call, some) for some in each]
        for client in clients:
            self.at(call.at_s, client.begin)
        return clients


def _settings(plan: StormPlan) -> DispatchSettings:
    return DispatchSettings(
        max_attempts=plan.max_attempts,
        backoff_cap_s=30.0,
        report_timeout_s=plan.report_timeout_s,
        order="arrival" if plan.in_order else "priority",
        hedge_otp_after_s=plan.hedge_otp_after_s,
        report_query_s=_QUERY_S,
    )


def _limits(route: RoutePlan) -> RouteLimits:
    return RouteLimits(
        route.name,
        requests_per_s=route.requests_per_s * route.ask_ratio,
        requests_burst=max(1.0, route.requests_per_s * route.ask_ratio),
        segments_per_s=route.segments_per_s * route.ask_ratio,
        segments_burst=max(8.0, route.segments_per_s * route.ask_ratio),
        max_batch=route.max_batch,
        max_in_flight=route.max_in_flight,
        # The route's window ends before the provider's, for requests that the network delays.
        idempotency_window_s=route.remembers_s / 2 if route.refuses_repeats else 0.0,
        lookup_window_s=300.0 if route.looks_up else 0.0,
        answers_status=route.answers_status,
    )
