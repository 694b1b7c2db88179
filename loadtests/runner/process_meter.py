"""CPU use of one process: its share of a core, that of its busiest thread, and its wait for a core."""

from __future__ import annotations

import time

import psutil

from loadtests.core_time import waited_s


class ProcessMeter:
    """``take`` gives the figures since the previous call. Raises ``psutil.Error`` if the process has ended or
    may not be read.
    """

    def __init__(self, pid: int) -> None:
        self.process = psutil.Process(pid)
        self.process.cpu_percent()  # the first reading has no earlier one to compare with
        self._at_s = time.monotonic()
        self._waited_s = waited_s(pid)
        self._threads = self._thread_times()

    def take(self) -> dict[str, float]:
        """Percentages are of one core's time; ``core_wait_percent`` is of all threads together."""
        with self.process.oneshot():
            cpu_percent = self.process.cpu_percent()
            rss_bytes = self.process.memory_info().rss
            stopped = self.process.status() == psutil.STATUS_STOPPED
        at_s, waited, threads = time.monotonic(), waited_s(self.process.pid), self._thread_times()
        passed_s = max(at_s - self._at_s, 1e-6)
        busiest_s = max(
            (used_s - self._threads.get(thread, 0.0) for thread, used_s in threads.items()), default=0.0
        )
        taken = {
            "cpu_percent": cpu_percent,
            "rss_bytes": float(rss_bytes),
            "busiest_thread_percent": 100.0 * max(0.0, busiest_s) / passed_s,
            "core_wait_percent": 100.0 * max(0.0, waited - self._waited_s) / passed_s,
            "stopped": float(stopped),
        }
        self._at_s, self._waited_s, self._threads = at_s, waited, threads
        return taken

    def _thread_times(self) -> dict[int, float]:
        return {each.id: each.user_time + each.system_time for each in self.process.threads()}
