"""Runs a suite's simulated parts one after another in child processes of low priority, next to live parts
that leave a core free.

They run between ``run`` and ``hold``. Before a live part that needs both cores, the running simulation is
paused until the next quiet part. Parts that remain are simulated after the live parts.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from analysis.records import InstrumentFailure
from loadtests.runner.interruption import Interruption
from loadtests.scenario import Part
from loadtests.simulate.part import Choices
from loadtests.simulate.part_process import PartProcess, SimulationFailedError

_LOOK_S = 0.2


class SimulationJob(Struct, frozen=True):
    """A part and its directory, relative to the suite's."""

    place: str
    part: Part
    choices: Choices


class Simulations:
    """Within its ``with`` block: ``run`` and ``hold`` in turn, ``finish`` at the end. The end of the
    block ends a simulation that still runs.
    """

    def __init__(self, scenario: str, jobs: Sequence[SimulationJob], seed: int, run_dir: Path) -> None:
        self._scenario = scenario
        self._waiting = deque(jobs)
        self._seed = seed
        self._run_dir = run_dir
        self._running: tuple[SimulationJob, PartProcess] | None = None
        self._may_start = threading.Event()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="simulations", daemon=True)
        self.done: list[str] = []  # places with complete records
        self.failures: list[InstrumentFailure] = []

    def __enter__(self) -> Simulations:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with self._lock:
            running = self._running
        if running is not None:
            running[1].stop()
        self._thread.join()

    @property
    def left(self) -> int:
        """Number of parts that are not done, with the running one."""
        with self._lock:
            return len(self._waiting) + (self._running is not None)

    @property
    def process(self) -> PartProcess | None:
        """The progress of the running part."""
        with self._lock:
            return None if self._running is None else self._running[1]

    @property
    def now(self) -> str:
        """The running part's title and progress; "" if none runs."""
        with self._lock:
            running = self._running
        return f"{running[0].part.title}, {100 * running[1].share_done():.0f} %" if running else ""

    def run(self) -> None:
        """Simulate the parts one after another from now on. A paused simulation resumes."""
        self._resume()

    def hold(self, interruption: Interruption, show: Callable[[str], None] = lambda now: None) -> None:
        """Start no further simulation, and wait until the running one has paused or ended."""
        self._may_start.clear()
        with self._lock:
            running = self._running
        if running is not None:
            running[1].pause()
            self._wait(lambda: self._running is not running or running[1].paused, interruption, show)

    def finish(self, interruption: Interruption, show: Callable[[str], None] = lambda now: None) -> None:
        """Simulate all remaining parts, and wait for them."""
        self._resume()
        self._wait(lambda: self.left == 0, interruption, show)

    def _resume(self) -> None:
        self._may_start.set()
        with self._lock:
            running = self._running
        if running is not None:
            running[1].resume()

    def _wait(
        self, over: Callable[[], bool], interruption: Interruption, show: Callable[[str], None]
    ) -> None:
        while not over() and not interruption.asked and self._thread.is_alive():
            show(self.now)
            interruption.pause(_LOOK_S)

    def _work(self) -> None:
        while not self._over.is_set():
            if not self._may_start.is_set():
                self._may_start.wait(_LOOK_S)
                continue
            with self._lock:
                job = self._waiting.popleft() if self._waiting and self._may_start.is_set() else None
                if job is not None:
                    self._running = job, self._start(job)
            if job is None:
                self._over.wait(_LOOK_S)
                continue
            self._attend(job)

    def _start(self, job: SimulationJob) -> PartProcess:
        return PartProcess(self._scenario, job.part, self._seed, self._run_dir / job.place, job.choices)

    def _attend(self, job: SimulationJob) -> None:
        """Wait for the running part and record its result."""
        assert self._running is not None
        process = self._running[1]
        failure = ""
        while True:
            try:
                process.wait(_LOOK_S)
                break
            except subprocess.TimeoutExpired:
                continue
            except SimulationFailedError as error:
                failure = str(error)
                break
        with self._lock:
            self._running = None
            if failure:
                self.failures.append(
                    InstrumentFailure(f"simulation of {job.place}", failure, t_ns=time.monotonic_ns())
                )
            elif not self._over.is_set():
                self.done.append(job.place)
