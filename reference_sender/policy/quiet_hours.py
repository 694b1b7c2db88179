"""Quiet hours: outside the opening hours of a recipient's country some messages are not sent.

The last opening hours of each country are kept, so a question costs two lookups.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from reference_sender.dispatch.values import NS_PER_S
from reference_sender.policy.countries import Country, Prefixes

FOREVER = 2**62  # an instant that never comes, year 2116
_DAYS_AHEAD = 9  # a country that is open on one weekday is open within these days


class OpenWindow(Struct, frozen=True, gc=False):
    """Open from ``opens_ns`` until before ``closes_ns``."""

    opens_ns: int
    closes_ns: int


ALWAYS = OpenWindow(0, FOREVER)
NEVER = OpenWindow(FOREVER, FOREVER)


class OpeningHours:
    """The opening hours of numbers."""

    def __init__(self, countries: Mapping[str, Country]) -> None:
        self._countries = countries
        self._prefixes = Prefixes(countries.items())
        self._last: dict[str, OpenWindow] = {"": ALWAYS}

    def window(self, number: str, at_ns: int) -> OpenWindow:
        """The first opening hours of the number's country that end after ``at_ns``."""
        code = self._prefixes.code(number)
        last = self._last.get(code)
        if last is None or not last.opens_ns <= at_ns < last.closes_ns:
            last = next_window(self._countries[code], at_ns)
            self._last[code] = last
        return last


def next_window(country: Country, at_ns: int) -> OpenWindow:
    """The first interval that ends after ``at_ns`` in which the country is open in all its zones."""
    zones = [ZoneInfo(name) for name in country.zones]
    wholes = [_windows(country, zone, at_ns) for zone in zones]
    common = wholes[0]
    for others in wholes[1:]:
        common = [
            OpenWindow(max(one.opens_ns, two.opens_ns), min(one.closes_ns, two.closes_ns))
            for one in common
            for two in others
            if max(one.opens_ns, two.opens_ns) < min(one.closes_ns, two.closes_ns)
        ]
    return next((window for window in common if window.closes_ns > at_ns), NEVER)


def _windows(country: Country, zone: ZoneInfo, at_ns: int) -> list[OpenWindow]:
    today = datetime.fromtimestamp(at_ns // NS_PER_S, UTC).astimezone(zone).date()
    found: list[OpenWindow] = []
    for ahead in range(-1, _DAYS_AHEAD):
        day = today + timedelta(days=ahead)
        hours = country.hours(day.weekday())
        if hours is None:
            continue
        window = OpenWindow(_instant_ns(day, hours[0], zone), _instant_ns(day, hours[1], zone))
        if found and found[-1].closes_ns == window.opens_ns:  # open over midnight
            window = OpenWindow(found.pop().opens_ns, window.closes_ns)
        found.append(window)
    return found


def _instant_ns(day: date, clock: str, zone: ZoneInfo) -> int:
    if clock == "24:00":
        day, clock = day + timedelta(days=1), "00:00"
    local = datetime.combine(day, time.fromisoformat(clock), zone)
    return int(local.timestamp()) * NS_PER_S
