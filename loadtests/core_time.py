"""CPU times from Linux: how long a process was ready to run without a core, and what other programs used.

The second figure of ``/proc/<pid>/schedstat`` counts for a thread how long it was ready to run and waited for
a core. A delay that such a wait explains is caused by the machine, not by the program.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil

from loadtests.arrays import InstantsNs

_EVERY_NS = 1_000_000


class CoreWait:
    """How long a process's first thread has waited for a core. ``look`` samples it about 1,000 times per
    second.
    """

    def __init__(self, pid: int) -> None:
        self._at_ns: list[int] = []
        self._total_ns: list[int] = []
        try:
            self._file = os.open(f"/proc/{pid}/schedstat", os.O_RDONLY)
        except OSError:  # not Linux, or a kernel that does not count
            self._file = -1
        self.due_ns = 0

    @property
    def counted(self) -> bool:
        """Whether this system counts it."""
        return self._file >= 0

    def sample(self) -> None:
        now_ns = time.monotonic_ns()
        self.due_ns = now_ns + _EVERY_NS
        if self._file >= 0:
            total_ns = int(os.pread(self._file, 80, 0).split()[1])
            self.note(time.monotonic_ns(), total_ns)

    def note(self, at_ns: int, total_ns: int) -> None:
        """One sample: the total wait of the process so far."""
        self._at_ns.append(at_ns)
        self._total_ns.append(total_ns)

    def begin(self) -> None:
        """Forget the samples before this measurement."""
        self._at_ns.clear()
        self._total_ns.clear()
        self.sample()

    def between(self, from_ns: InstantsNs, to_ns: InstantsNs) -> InstantsNs:
        """The wait in each span, from the sample before it to the sample after it."""
        if len(self._at_ns) < 2:
            return np.zeros(len(from_ns), np.int64)
        at, total = np.array(self._at_ns), np.array(self._total_ns)
        first = np.clip(np.searchsorted(at, from_ns, "right") - 1, 0, len(at) - 1)
        last = np.clip(np.searchsorted(at, to_ns, "left"), 0, len(at) - 1)
        waited: InstantsNs = total[last] - total[first]
        return waited

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class MachineUse:
    """The share of the machine that other programs use while ``processes`` run.

    The kernel does not count every wait for a core: the wait of a thread that wakes soon after it slept may
    not be counted. So a busy machine can delay replies without a trace in ``CoreWait``.
    """

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._own_s: dict[psutil.Process, float] = {}
        self.begin(processes)

    def begin(self, processes: Sequence[psutil.Process] | None = None) -> None:
        """Measure from now on, with ``processes`` as the run's own; None: the same as before."""
        self._own_s = {process: used_s(process) for process in processes or self._own_s}
        self._machine_s = _machine_s()
        self._begun_s = time.monotonic()

    def others_share(self) -> float:
        """Share of all cores' time that others used since ``begin``; 0 to 1. Time of a hypervisor counts as
        others.
        """
        passed_s = time.monotonic() - self._begun_s
        # The time of a process that has ended is not known; it counts with the others.
        own_s = sum(max(0.0, used_s(process) - before) for process, before in self._own_s.items())
        others_s = _machine_s() - self._machine_s - own_s
        return max(0.0, others_s / (passed_s * (os.cpu_count() or 1))) if passed_s else 0.0


def used_s(process: psutil.Process) -> float:
    """Seconds of CPU that it has used; 0 if it has ended."""
    try:
        own = process.cpu_times()
    except psutil.Error:
        return 0.0
    return own.user + own.system


def waited_s(pid: int) -> float:
    """Seconds for which the process's threads were ready to run without a core, in total; 0 if unknown."""
    found_ns = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            found_ns += int(path.read_bytes().split()[1])
        except (OSError, ValueError, IndexError):  # the thread has ended
            continue
    return found_ns / 1e9


def _machine_s() -> float:
    times = psutil.cpu_times()
    # guest and guest_nice are in user and nice already
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - guests
