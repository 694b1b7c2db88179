"""The sender in the storm: its processes, one after another on one disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from loadtests.arrivals import NS_PER_S
from loadtests.storm import features
from loadtests.storm.draws import chance
from loadtests.storm.process import StormProcess
from loadtests.storm.process_interfaces import ProcessWatch, ProviderPort, SenderSetup
from loadtests.storm.state import StormState
from loadtests.storm.store import ModelStore
from reference_sender.dispatch.values import Report
from reference_sender.node.effects import Waiter
from reference_sender.store.protocol import StoreError

_LAST_COMMIT_S = 5.0  # after the drain (``runtime/driver.py``)
_RESTART_NS = 1 * NS_PER_S  # after a start that failed
_WALL_LOOK_S = 1.0  # the longest time until a process notices (``runtime/wall_watch.py``)


class StormSender:
    """``start`` begins its first process. ``past`` has all of them, ``process`` the one that runs."""

    def __init__(
        self,
        state: StormState,
        setup: SenderSetup,
        watch: ProcessWatch[StormProcess],
        providers: Mapping[str, ProviderPort[StormProcess]],
    ) -> None:
        self.setup = setup
        self.watch = watch
        self.providers = providers
        self.paused = False
        self.process: StormProcess | None = None
        self.past: list[StormProcess] = []  # the present one included
        self.processes = 0  # starts, those that failed included
        self._state = state
        self._steps: Counter[str] = Counter()
        self._crashes: dict[tuple[str, int], float] = {}

    @property
    def awake(self) -> StormProcess | None:
        """The process that runs and is not paused."""
        return None if self.paused else self.process

    def start(self) -> None:
        """Start a process. It is tried again if the store cannot be opened."""
        self.processes += 1
        try:
            store = ModelStore(self._state.disk)
        except StoreError as error:
            self._state.note(f"the sender does not start: {error}")
            self._state.later(_RESTART_NS, self.start)
            return
        self._state.note(f"process {self.processes} starts")
        self.process = process = StormProcess(self._state, self, self.processes, store)
        self.past.append(process)
        if self.processes > 1 and self.setup.hedging_ends:
            self._state.occurred(features.HEDGING_ENDS)
        process.recover()

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
        self._state.occurred(name)
        self._state.note(f"{name}: process {process.number} is killed")
        self.paused = False
        process.die()
        self._state.later(int(down_s * NS_PER_S), self.start)

    def stop(self, drain_s: float, down_s: float) -> None:
        """Let the sender end in order; another process starts after ``down_s``. It is killed if that takes
        too long.
        """
        process = self.process
        if process is None or process.stopping:
            return
        self._state.occurred("sender_stop")
        self._state.note(f"sender_stop: process {process.number} takes no more messages")

        def ended() -> None:
            if self.process is process:
                self.process = None
                self._state.note(f"process {process.number} has ended")
                self._state.later(int(down_s * NS_PER_S), self.start)

        def kill() -> None:
            if self.process is process:
                self.crash("sender_crash", down_s)

        process.input(lambda: process.stop(int(drain_s * NS_PER_S), ended))
        self._state.later(int((2 * drain_s + _LAST_COMMIT_S) * NS_PER_S), kill)

    def pause(self, lasts_s: float) -> None:
        """Let the sender stand still."""
        process = self.process
        if process is None or self.paused:
            return
        self._state.occurred("sender_pause")
        self._state.note("sender_pause: the process is paused")
        self.paused = True

        def resume() -> None:
            if self.process is process and self.paused:
                self.paused = False
                self._state.note("the process continues")
                process.resume()

        self._state.later(int(lasts_s * NS_PER_S), resume)

    def step_wall_clock(self, by_s: float) -> None:
        """Set the wall clock."""
        self._state.occurred("wall_clock_back" if by_s < 0 else "wall_clock_forward")
        self._state.note(f"the wall clock is set by {by_s:g} s")
        self._state.wall_steps += 1
        self._state.wall_ahead_ns += int(by_s * NS_PER_S)
        self._state.wall_forward_s += max(0.0, by_s)
        self._state.wall_back_s += max(0.0, -by_s)
        process = self.process
        if process is not None:
            drawn = chance(
                self._state.seed, "wall clock", int(self._state.wall_forward_s), int(self._state.wall_back_s)
            )
            self._state.later(
                int(_WALL_LOOK_S * drawn * NS_PER_S), lambda: process.input(process.read_wall_clock)
            )

    def take_reports(self, reports: Sequence[Report], waiter: Waiter) -> None:
        """A provider calls the sender."""
        process = self.process
        if process is None:
            waiter.end(False)
        else:
            process.input(lambda: process.reported(reports, waiter))
