"""At most a number of submits to one phone number within a time (SMSAPI: 10 in 60 s, error 52)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mock_provider.engine.distributions import nanoseconds

if TYPE_CHECKING:
    from mock_provider.settings import sections


class FloodGuard:
    """Counts accepted submits only: refused submits do not keep the number blocked.

    Numbers are kept in two generations, which are exchanged once per window, so that an unused number is
    forgotten. Each number has its instants in the window, oldest first; older ones are removed at its next
    use.
    """

    __slots__ = ("_limit", "_newer", "_older", "_turned_ns", "_window_ns", "active")

    def __init__(self, settings: sections.Flood) -> None:
        self._newer: dict[str, deque[int]] = {}
        self._older: dict[str, deque[int]] = {}
        self._turned_ns = 0
        self.reconfigure(settings)

    def reconfigure(self, settings: sections.Flood) -> None:
        self._limit = settings.limit
        self.active = settings.limit > 0
        self._window_ns = nanoseconds(settings.window_s)

    @property
    def kept(self) -> int:
        """The number of submits that are remembered."""
        return sum(len(each) for generation in (self._newer, self._older) for each in generation.values())

    def admits(self, msisdn: str, now_ns: int, pending: int) -> bool:
        """Whether one more submit is within the limit, after ``pending`` others of the same request."""
        if now_ns - self._turned_ns >= self._window_ns:
            self._turn(now_ns)
        instants = self._newer.get(msisdn) or self._older.get(msisdn)
        if instants is None:
            return pending < self._limit
        opened_ns = now_ns - self._window_ns
        while instants and instants[0] <= opened_ns:
            instants.popleft()
        return len(instants) + pending < self._limit

    def count(self, msisdn: str, now_ns: int) -> None:
        """Count a submit that ``admits`` allowed, so that the count stays within the limit."""
        instants = self._newer.get(msisdn)
        if instants is None:
            older = self._older.pop(msisdn, None)
            instants = self._newer[msisdn] = deque() if older is None else older
        instants.append(now_ns)

    def _turn(self, now_ns: int) -> None:
        self._older = self._newer
        self._newer = {}
        self._turned_ns = now_ns
