"""Local time from a table of UTC offsets: the engine has neither a clock nor a calendar of its own."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from mock_provider.engine.distributions import NS_PER_S

if TYPE_CHECKING:
    from mock_provider.settings.network import MarketingHours
    from mock_provider.settings.zones import UtcOffsets

_DAY_S = 86_400
_WEEK_DAYS = 7
_THURSDAY = 3  # 1970-01-01, day 0 of unix time


def unix_seconds(instant_ns: int, wall_offset_ns: int) -> float:
    """Unix time of an instant of the engine's clock, the nearest float.

    Each time that the provider shows comes from here. A division by the float ``1e9`` rounds twice, and two
    instants that are equal were shown one microsecond apart.
    """
    return (instant_ns + wall_offset_ns) / NS_PER_S


class LocalClock:
    """Local seconds since 1970-01-01 00:00 local time, of unix seconds."""

    __slots__ = ("_instants_s", "_offsets_s")

    def __init__(self, offsets: UtcOffsets) -> None:
        self._instants_s, self._offsets_s = offsets

    def local_s(self, unix_s: int) -> int:
        return unix_s + self._offsets_s[max(0, bisect_right(self._instants_s, unix_s) - 1)]

    def day(self, unix_s: int) -> int:
        """The number of the local day. Day 0 is 1970-01-01."""
        return self.local_s(unix_s) // _DAY_S

    def first_at(self, local_s: int) -> int:
        """The unix second at which the local clock first shows ``local_s``, or later if it skips it."""
        instants_s, offsets_s = self._instants_s, self._offsets_s
        after = bisect_right(instants_s, local_s - max(offsets_s)) - 1
        for place in range(max(0, after), len(instants_s)):
            unix_s = local_s - offsets_s[place]
            if place + 1 == len(instants_s) or unix_s < instants_s[place + 1]:
                # A clock that is set forward past ``local_s`` shows a later time from the change on.
                return max(unix_s, instants_s[place]) if place else unix_s
        raise AssertionError("the last offset does not end")


class OpenHours:
    """A span of local time on some days of the week. All instants are unix seconds."""

    __slots__ = ("_clock", "_end_s", "_start_s", "_weekdays", "refused_outside")

    def __init__(self, settings: MarketingHours) -> None:
        self._clock = LocalClock(settings.utc_offsets())
        self._start_s, self._end_s = settings.span_s()
        self._weekdays = settings.weekdays()
        self.refused_outside = settings.outside == "refuse"

    def are_open(self, unix_s: int) -> bool:
        """Whether ``unix_s`` is within the span: the start is, the end is not."""
        day, second = divmod(self._clock.local_s(unix_s), _DAY_S)
        return self._start_s <= second < self._end_s and self._open_on(day)

    def next_open(self, unix_s: int) -> int:
        """The first second from ``unix_s`` on that is within the span."""
        if self.are_open(unix_s):
            return unix_s
        today = self._clock.day(unix_s)
        # Eight days: a change of the clock may skip a short span.
        for day in range(today, today + 2 * _WEEK_DAYS):
            if self._open_on(day):
                opening_s = self._clock.first_at(day * _DAY_S + self._start_s)
                if opening_s > unix_s and self.are_open(opening_s):
                    return opening_s
        return unix_s

    def _open_on(self, day: int) -> bool:
        return (day + _THURSDAY) % _WEEK_DAYS in self._weekdays
