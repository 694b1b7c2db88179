"""A circuit breaker: after a number of consecutive failed requests it stops requests, then allows a probe."""

from __future__ import annotations

from enum import Enum

from reference_sender.dispatch.jitter import fraction, grown


class BreakerState(Enum):
    """CLOSED allows all requests, OPEN none, HALF_OPEN one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


# Names of their own: see ``values.py``.
_CLOSED = BreakerState.CLOSED
_OPEN = BreakerState.OPEN


class Breaker:
    """Opens after ``failures`` in a row, for ``open_ns``. The time doubles up to ``cap_ns`` while probes
    fail.
    """

    def __init__(self, failures: int, open_ns: int, cap_ns: int, seed: int, name: str) -> None:
        self.state = BreakerState.CLOSED
        self.until_ns = 0
        self.opened = 0  # number of times it opened
        self._failures = failures
        self._open_ns = open_ns
        self._cap_ns = cap_ns
        self._seed = seed
        self._name = name
        self._in_a_row = 0
        self._reopened = 0

    def state_at(self, now_ns: int) -> BreakerState:
        """The state at ``now_ns``: an OPEN breaker becomes HALF_OPEN when its time has passed."""
        return BreakerState.HALF_OPEN if self.state is _OPEN and now_ns >= self.until_ns else self.state

    def check(self, now_ns: int) -> BreakerState:
        """The state now, which is kept."""
        if self.state is _OPEN:
            self.state = self.state_at(now_ns)
        return self.state

    def succeeded(self) -> None:
        """The provider answered as expected."""
        self.state = _CLOSED
        self._in_a_row = 0
        self._reopened = 0

    def failed(self, now_ns: int) -> None:
        """A request got no answer, or an answer that shows a defect of the provider."""
        self._in_a_row += 1
        if self.state is BreakerState.OPEN:
            return  # an answer to a request that was in flight when it opened is not new information
        if self.state is BreakerState.HALF_OPEN or self._in_a_row >= self._failures:
            self._open(now_ns)

    def _open(self, now_ns: int) -> None:
        wait_ns = grown(self._open_ns, self._cap_ns, self._reopened)
        self._reopened += 1
        self.opened += 1
        # Equal jitter: several senders of one provider must not probe it at the same time.
        wait_ns = wait_ns // 2 + int(wait_ns / 2 * fraction(self._seed, self._name, self.opened))
        self.state = BreakerState.OPEN
        self.until_ns = now_ns + wait_ns
