"""What all parts of a storm share: time, events, the trace, the disk, and what the faults have set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from msgspec import Struct

from loadtests.arrivals import NS_PER_S
from loadtests.storm.disk import Disk
from mock_provider.engine.faults.settings import FaultSettings

BEGIN_S = 1_000.0  # of the storm on the world's clock
_STEP_NS, _QUIET_STEP_NS = 5 * NS_PER_S, 120 * NS_PER_S
_WATCHED_SEEDS = 4  # of this number, one
_LONGEST_STORM_NS = 180 * NS_PER_S  # with what follows at once
_EPOCH_NS = 1_700_000_000 * NS_PER_S  # of the wall clock, ahead of the world's


class LinkTrouble(Struct, frozen=True):
    """``what`` meets this share of the exchanges with a provider that begin in the window."""

    what: str
    begin_s: float
    end_s: float
    share: float


class StormState:
    """``notes`` gets the trace."""

    def __init__(self, seed: int, routes: Iterable[str], notes: list[str] | None = None) -> None:
        self.seed = seed
        self.watches_memory = seed % _WATCHED_SEEDS == 0  # a watch takes a third of a storm's time
        self.now_ns = int(BEGIN_S * NS_PER_S)
        self.wall_ahead_ns = _EPOCH_NS
        self.wall_steps = 0
        self.wall_forward_s = 0.0  # by how much it was set forward, in all
        self.wall_back_s = 0.0
        self.occurrences: Counter[str] = Counter()
        self.links: dict[str, list[LinkTrouble]] = {route: [] for route in routes}
        self.provider_faults: dict[str, list[FaultSettings]] = {route: [] for route in self.links}
        self.slow_disk: list[tuple[float, float, float]] = []
        self.late_errors: list[tuple[float, float]] = []  # windows in which a kept commit is reported failed
        self.disk = Disk()
        self._notes = notes
        self._begin_ns = self.now_ns
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    @property
    def storm_at_s(self) -> float:
        """Seconds since the storm began."""
        return (self.now_ns - self._begin_ns) / NS_PER_S

    @property
    def ended_quietly(self) -> bool:
        """Whether nothing was left to happen when the quiet time ended."""
        return not self._events

    def run(self, lasts_s: float, check_memory: Callable[[], None]) -> None:
        """Let everything happen that is due within ``lasts_s``. After each step of the virtual time in which
        something happened, ``check_memory`` is called if memory is watched.
        """
        storm_ns = self.now_ns + _LONGEST_STORM_NS
        check_ns = self.now_ns + _STEP_NS
        until_ns = self.now_ns + int(lasts_s * NS_PER_S)
        events = self._events
        # What is scheduled waits until a clock that was set back is there again.
        while events and events[0][0] <= until_ns + self.wall_back_s * NS_PER_S:
            self.now_ns, _, act = heappop(events)
            act()
            if self.watches_memory and self.now_ns >= check_ns:
                check_ns = self.now_ns + (_STEP_NS if self.now_ns < storm_ns else _QUIET_STEP_NS)
                check_memory()

    def later(self, delay_ns: int, act: Callable[[], None]) -> None:
        """Do it after that time; what is due at one instant happens in the order of the calls."""
        self._count += 1
        heappush(self._events, (self.now_ns + delay_ns, self._count, act))

    def at(self, at_s: float, act: Callable[[], None]) -> None:
        """Do it at an instant of the storm."""
        self.later(int(at_s * NS_PER_S), act)

    def occurred(self, name: str) -> None:
        """Count that a fault took effect, or that a feature was used."""
        self.occurrences[name] += 1

    def note(self, text: str) -> None:
        """Write a line of the trace."""
        if self._notes is not None:
            self._notes.append(f"{self.storm_at_s:10.3f} s  {text}")

    @property
    def is_noting(self) -> bool:
        """Whether the trace is kept."""
        return self._notes is not None

    def set_disk_full(self, full: bool) -> None:
        """Make the disk full, or free it again."""
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
