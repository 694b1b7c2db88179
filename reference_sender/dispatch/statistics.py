"""What one route delivers: mean delivery time and delivery rate, in all and by carrier, and slow messages.

Means are exponentially weighted. Without new measurements they return to a neutral value, half of the way
each ``_HALF_LIFE_S``, so a route that gets no messages since it was bad is tried again later.

A carrier is recognised by the first digits of the number: a range of one network, apart from ported numbers.
"""

from __future__ import annotations

from msgspec import Struct

from reference_sender.dispatch.values import NS_PER_S

CARRIER_DIGITS = 5  # country code and the first digits of the national number
_WEIGHT = 0.05  # of a new measurement
_HALF_LIFE_S = 900.0
_NEUTRAL_RATE, _NEUTRAL_S = 0.95, 5.0
_ENOUGH = 20  # measurements of a carrier, before which the means of the whole route apply
_CARRIERS_KEPT = 1_000
_MINUTE_NS = 60 * NS_PER_S
WINDOW_MINUTES = 15


class _Means:
    __slots__ = ("at_ns", "count", "rate", "seconds")

    def __init__(self) -> None:
        self.rate, self.seconds = _NEUTRAL_RATE, _NEUTRAL_S
        self.count = 0
        self.at_ns = 0

    def add(self, now_ns: int, delivered: bool, seconds: float) -> None:
        self.rate, self.seconds = self.now(now_ns)
        self.at_ns = now_ns
        self.count += 1
        self.rate += _WEIGHT * (delivered - self.rate)
        if delivered:
            self.seconds += _WEIGHT * (seconds - self.seconds)

    def now(self, now_ns: int) -> tuple[float, float]:
        """Delivery rate and seconds."""
        kept = _kept(now_ns - self.at_ns)
        return (
            _NEUTRAL_RATE + kept * (self.rate - _NEUTRAL_RATE),
            _NEUTRAL_S + kept * (self.seconds - _NEUTRAL_S),
        )


class RequestHealth:
    """The share of requests that get a real answer; it returns to 1 as the means do."""

    __slots__ = ("_share", "_updated_ns")

    def __init__(self) -> None:
        self._share = 1.0
        self._updated_ns = 0

    def add(self, now_ns: int, answered: bool) -> None:
        """A request was answered, or failed."""
        share = self.now(now_ns)
        self._share = share + _WEIGHT * (answered - share)
        self._updated_ns = now_ns

    def now(self, now_ns: int) -> float:
        """The share now."""
        if self._share == 1.0:
            return 1.0
        return 1.0 - (1.0 - self._share) * _kept(now_ns - self._updated_ns)


def _kept(passed_ns: int) -> float:
    """How much of a difference from the neutral value is left."""
    return float(0.5 ** (passed_ns / NS_PER_S / _HALF_LIFE_S))


class _Minute(Struct):
    """Messages that were sent within one minute."""

    number: int
    sent: int = 0
    fast: int = 0
    slow: int = 0


class RouteStatistics:
    """Measurements of one route. A message counts as slow after ``slow_s``, with a report or without."""

    def __init__(self, slow_s: float) -> None:
        self._slow_ns = int(slow_s * NS_PER_S)
        self._all = _Means()
        self._carriers: dict[str, _Means] = {}
        self._minutes: list[_Minute] = []  # at most the window, oldest first
        self.health = RequestHealth()

    def sent(self, now_ns: int) -> None:
        """The provider accepted a message now."""
        number = now_ns // _MINUTE_NS
        minutes = self._minutes
        if not minutes or minutes[-1].number < number:
            minutes.append(_Minute(number))
            while minutes[0].number <= number - WINDOW_MINUTES:
                del minutes[0]
        minutes[-1].sent += 1

    def reported(self, now_ns: int, sent_ns: int, carrier: str, delivered: bool) -> None:
        """The final report of a message that was sent at ``sent_ns``."""
        seconds = (now_ns - sent_ns) / NS_PER_S
        self._all.add(now_ns, delivered, seconds)
        means = self._carriers.get(carrier)
        if means is None and len(self._carriers) < _CARRIERS_KEPT:
            means = self._carriers[carrier] = _Means()
        if means is not None:
            means.add(now_ns, delivered, seconds)
        number = sent_ns // _MINUTE_NS
        for minute in reversed(self._minutes):
            if minute.number == number:
                if now_ns - sent_ns < self._slow_ns:
                    minute.fast += 1
                else:
                    minute.slow += 1
                return

    def means(self, now_ns: int, carrier: str | None) -> tuple[float, float]:
        """Delivery rate and delivery time in seconds; of ``carrier``, if there are enough measurements."""
        means = self._carriers.get(carrier) if carrier is not None else None
        return (self._all if means is None or means.count < _ENOUGH else means).now(now_ns)

    def slow_share(self, now_ns: int) -> float | None:
        """The share of slow messages among those of the last minutes whose speed is known; None without
        any.
        """
        this = now_ns // _MINUTE_NS
        slow = known = 0
        for minute in self._minutes:
            if minute.number <= this - WINDOW_MINUTES:
                continue
            late = minute.slow
            if now_ns - (minute.number + 1) * _MINUTE_NS >= self._slow_ns:
                late = minute.sent - minute.fast  # those without a report are slow too
            slow += late
            known += late + minute.fast
        return slow / known if known else None
