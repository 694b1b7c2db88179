"""A worker's schedule lag, and the part of it for which the worker was ready and had no core."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from loadtests.core_time import CoreWait

# A smaller lag needs no explanation.
_LATE_NS = 1_000_000


class Lags(Struct, frozen=True):
    """Lags of the messages sent since the last query; 0 if there was none."""

    p50_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    own_p99_ms: float = 0.0  # less the wait for a core


class Lateness:
    """``look`` before each sleep, ``sent`` with each message."""

    def __init__(self, wait: CoreWait) -> None:
        """``wait`` is that of this process."""
        self._wait = wait
        self._due_ns: list[int] = []
        self._sent_ns: list[int] = []
        self._wait.sample()

    def sample(self, now_ns: int) -> None:
        """Sample the wait for a core so far, at most once per millisecond."""
        if now_ns >= self._wait.due_ns:
            self._wait.sample()

    def sent(self, due_ns: int, sent_ns: int) -> None:
        self._due_ns.append(due_ns)
        self._sent_ns.append(sent_ns)
        if sent_ns - due_ns > _LATE_NS and sent_ns >= self._wait.due_ns:
            self._wait.sample()

    def since_last(self) -> Lags:
        """Begins a new period."""
        due, sent = np.array(self._due_ns, np.int64), np.array(self._sent_ns, np.int64)
        self._due_ns.clear()
        self._sent_ns.clear()
        if not len(due):
            self._wait.begin()
            return Lags()
        lag = sent - due
        own = lag.copy()
        late = lag > _LATE_NS
        if late.any():
            self._wait.sample()
            own[late] -= np.minimum(self._wait.between(due[late], sent[late]), lag[late])
        self._wait.begin()
        last = len(lag) - 1
        ordered, of_own = np.sort(lag) / 1e6, np.sort(own) / 1e6
        rank = round(last * 0.99)
        return Lags(
            p50_ms=float(ordered[last // 2]),
            p99_ms=float(ordered[rank]),
            max_ms=float(ordered[-1]),
            own_p99_ms=float(of_own[rank]),
        )

    def close(self) -> None:
        self._wait.close()
