"""At most a number of submits to one phone number within a time (SMSAPI: 10 in 60 s, error 52)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from mock_provider.engine.distributions import nanoseconds

if TYPE_CHECKING:
    from mock_provider.engine.values import Outbound
    from mock_provider.settings import sections


class _Addressed(Protocol):
    @property
    def outbound(self) -> Outbound: ...


class FloodGuard:
    """Counts accepted submits only: refused submits do not keep the number blocked.

    Numbers are kept in two generations, which are exchanged once per window, so that an unused number is
    forgotten. Each number has its instants in the window, oldest first; older ones are removed at its next
    use.
    """

    __slots__ = ("_limit", "_newer", "_older", "_turned_ns", "_window_ns", "active")

    def __init__(self, settings: sections.Flood) -> None:
        self._newer: dict[str, list[int]] = {}
        self._older: dict[str, list[int]] = {}
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

    def over(self, candidates: Sequence[_Addressed], now_ns: int) -> list[int]:
        """The places of those that would exceed the limit, each after those before it."""
        if now_ns - self._turned_ns >= self._window_ns:
            self._turn(now_ns)
        newer, older, limit = self._newer, self._older, self._limit
        opened_ns = now_ns - self._window_ns
        pending: dict[str, int] = {}
        over: list[int] = []
        for place, candidate in enumerate(candidates):
            msisdn = candidate.outbound.msisdn
            together = pending.get(msisdn, 0) + 1
            instants = newer.get(msisdn) or older.get(msisdn)
            if instants:
                if instants[0] <= opened_ns:
                    del instants[: bisect_right(instants, opened_ns)]
                if len(instants) + together > limit:
                    over.append(place)
                    continue
            elif together > limit:
                over.append(place)
                continue
            pending[msisdn] = together
        return over

    def count(self, candidates: Iterable[_Addressed], now_ns: int) -> None:
        """Count submits that are not ``over``, so that the count stays within the limit."""
        newer, older = self._newer, self._older
        for candidate in candidates:
            msisdn = candidate.outbound.msisdn
            instants = newer.get(msisdn)
            if instants is not None:
                instants.append(now_ns)
            elif (instants := older.pop(msisdn, None)) is not None:
                instants.append(now_ns)
                newer[msisdn] = instants
            else:
                newer[msisdn] = [now_ns]

    def is_over(self, msisdn: str, now_ns: int) -> bool:
        """``over`` for one submit."""
        if now_ns - self._turned_ns >= self._window_ns:
            self._turn(now_ns)
        instants = self._newer.get(msisdn) or self._older.get(msisdn)
        if not instants:
            return False
        opened_ns = now_ns - self._window_ns
        if instants[0] <= opened_ns:
            del instants[: bisect_right(instants, opened_ns)]
        return len(instants) >= self._limit

    def count_one(self, msisdn: str, now_ns: int) -> None:
        """``count`` for one submit."""
        instants = self._newer.get(msisdn)
        if instants is None:
            instants = self._newer[msisdn] = self._older.pop(msisdn, [])
        instants.append(now_ns)

    def _turn(self, now_ns: int) -> None:
        self._older = self._newer
        self._newer = {}
        self._turned_ns = now_ns
