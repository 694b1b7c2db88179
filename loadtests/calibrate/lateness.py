"""Who was late? Messages that the client or the machine delayed say nothing about the provider.

Linux counts for each thread how long it was ready to run and no core took it (``/proc/<pid>/schedstat``,
second figure). A reply that left while the provider stood in that line is left out, and counted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import numpy as np
import psutil
from msgspec import Struct
from numpy.typing import NDArray

from loadtests.calibrate.client import Answer

LATE_NS = 250_000  # a quarter of the smallest tolerance
_ARRIVING_NS = 1_000_000
_EVERY_NS = 1_000_000

Instants = NDArray[np.int64]


class CoreWait:
    """How long a process has waited for a core, sampled about once a millisecond by ``look``."""

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
        """Whether this system tells at all."""
        return self._file >= 0

    def look(self) -> None:
        now_ns = time.monotonic_ns()
        self.due_ns = now_ns + _EVERY_NS
        if self._file >= 0:
            self._total_ns.append(int(os.pread(self._file, 80, 0).split()[1]))
            self._at_ns.append(time.monotonic_ns())

    def begin(self) -> None:
        """Forget what was before this measurement."""
        self._at_ns.clear()
        self._total_ns.clear()
        self.look()

    def between(self, from_ns: Instants, to_ns: Instants) -> Instants:
        """The wait in each span, from the look before it to the look after it."""
        if len(self._at_ns) < 2:
            return np.zeros(len(from_ns), np.int64)
        at, total = np.array(self._at_ns), np.array(self._total_ns)
        first = np.clip(np.searchsorted(at, from_ns, "right") - 1, 0, len(at) - 1)
        last = np.clip(np.searchsorted(at, to_ns, "left"), 0, len(at) - 1)
        waited: Instants = total[last] - total[first]
        return waited

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class MachineUse:
    """How much of the machine other programs use while provider and client are at work.

    The kernel does not count every wait for a core: a thread that wakes soon after it slept may wait unseen.
    So a busy machine can delay replies without a trace in ``CoreWait``.
    """

    def __init__(self, pid: int) -> None:
        self._processes = (psutil.Process(pid), psutil.Process())
        self._before = (0.0, 0.0)
        self.begin()

    def begin(self) -> None:
        self._before = self._used_s()
        self._begun_s = time.monotonic()

    def others_share(self) -> float:
        """Share of all cores' time that went to others since ``begin``; 0 to 1."""
        passed_s = time.monotonic() - self._begun_s
        machine_s, ours_s = (now - before for now, before in zip(self._used_s(), self._before, strict=True))
        return max(0.0, (machine_s - ours_s) / (passed_s * (os.cpu_count() or 1))) if passed_s else 0.0

    def _used_s(self) -> tuple[float, float]:
        times = psutil.cpu_times()
        ours_s = 0.0
        for process in self._processes:
            own = process.cpu_times()
            ours_s += own.user + own.system
        return sum(times) - times.idle - getattr(times, "iowait", 0.0), ours_s


class Kept(Struct, frozen=True):
    """Which of the messages are judged, and how many of the others are whose fault."""

    mask: NDArray[np.bool_]
    client_late: int
    machine_late: int

    @property
    def count(self) -> int:
        return int(self.mask.sum())

    @property
    def share(self) -> float:
        return self.count / len(self.mask) if len(self.mask) else 0.0

    def described(self) -> str:
        text = f"{self.count:,} of {len(self.mask):,} judged"
        if self.client_late:
            text += f"; client late for {self.client_late:,}"
        if self.machine_late:
            text += f"; provider kept off a core for {self.machine_late:,}"
        return text


def kept(client_late_ns: Instants, spans: Sequence[tuple[Instants, Instants]], wait: CoreWait) -> Kept:
    """``spans``: from and to of all moments at which the provider had to be on time for each message."""
    on_time = client_late_ns <= LATE_NS
    waited_ns = sum((wait.between(a, b) for a, b in spans), np.zeros(len(on_time), np.int64))
    undisturbed = waited_ns <= LATE_NS
    return Kept(on_time & undisturbed, int((~on_time).sum()), int((on_time & ~undisturbed).sum()))


def reply_spans(answers: Sequence[Answer], set_ns: Instants) -> list[tuple[Instants, Instants]]:
    """The moments that count for a reply: the request's arrival, and the reply's leaving."""
    intended = np.array([a.intended_ns for a in answers], np.int64)
    answered = np.array([a.answered_ns for a in answers], np.int64)
    leaving = intended + set_ns
    return [(intended, np.minimum(intended + _ARRIVING_NS, answered)), (leaving, answered)]
