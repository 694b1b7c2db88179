"""The engine's local time against zoneinfo, and the edges of a day on which the clock is changed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import mock_provider
from mock_provider.engine.localtime import LocalClock, OpenHours, unix_seconds
from mock_provider.settings.network import MarketingHours
from mock_provider.settings.zones import utc_offsets

ZONES = ["Europe/Warsaw", "Europe/London", "America/New_York", "Africa/Casablanca", "Asia/Kolkata", "UTC"]


def unix(zone: str, year: int, month: int, day: int, *clock: int, fold: int = 0) -> int:
    hour, minute, second = (*clock, 0, 0, 0)[:3]
    return int(datetime(year, month, day, hour, minute, second, tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def hours(zone: str = "Europe/Warsaw", **fields: Any) -> OpenHours:
    return OpenHours(MarketingHours(timezone=zone, **fields))


@pytest.mark.parametrize("zone", ZONES)
def test_local_clock_shows_what_zoneinfo_shows(zone: str) -> None:
    clock = LocalClock(utc_offsets(zone))
    changes = [s + d for s in utc_offsets(zone)[0] for d in (-1, 0, 1)]
    for unix_s in [*range(0, 2_800_000_000, 7_654_321), *changes]:
        local = datetime.fromtimestamp(unix_s, UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)
        assert clock.local_s(unix_s) == int(local.timestamp()), unix_s


def test_the_start_is_within_and_the_end_is_not() -> None:
    eight_to_twenty = hours(start="08:00", end="20:00")
    day = (2026, 11, 23)
    assert not eight_to_twenty.are_open(unix("Europe/Warsaw", *day, 7, 59, 59))
    assert eight_to_twenty.are_open(unix("Europe/Warsaw", *day, 8))
    assert eight_to_twenty.are_open(unix("Europe/Warsaw", *day, 19, 59, 59))
    assert not eight_to_twenty.are_open(unix("Europe/Warsaw", *day, 20))


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        ((2026, 11, 23, 7, 0), (2026, 11, 23, 8, 0)),
        ((2026, 11, 23, 20, 0), (2026, 11, 24, 8, 0)),
        ((2026, 11, 23, 12, 0), (2026, 11, 23, 12, 0)),
        ((2026, 3, 28, 21, 0), (2026, 3, 29, 8, 0)),  # the night loses an hour
        ((2026, 10, 24, 21, 0), (2026, 10, 25, 8, 0)),  # the night has an hour more
        ((2026, 12, 31, 23, 59), (2027, 1, 1, 8, 0)),
    ],
)
def test_next_opening_by_the_local_clock(now: tuple[int, ...], opening: tuple[int, ...]) -> None:
    found = hours().next_open(unix("Europe/Warsaw", *now))
    assert found == unix("Europe/Warsaw", *opening)


def test_days_that_are_closed_are_passed_over() -> None:
    weekdays = hours(days=["mon", "tue", "wed", "thu", "fri"])
    friday_night = unix("Europe/Warsaw", 2026, 11, 20, 20)
    assert weekdays.next_open(friday_night) == unix("Europe/Warsaw", 2026, 11, 23, 8)
    assert not weekdays.are_open(unix("Europe/Warsaw", 2026, 11, 21, 12))


def test_an_opening_that_the_clock_skips_is_at_the_change() -> None:
    """On 29 March 2026 Warsaw goes from 01:59:59 to 03:00:00."""
    night = hours(start="02:30", end="04:00")
    found = night.next_open(unix("Europe/Warsaw", 2026, 3, 29, 1))
    assert found == unix("Europe/Warsaw", 2026, 3, 29, 3)
    swallowed = hours(start="02:10", end="02:50")
    found = swallowed.next_open(unix("Europe/Warsaw", 2026, 3, 29, 1))
    assert found == unix("Europe/Warsaw", 2026, 3, 30, 2, 10)


def test_an_opening_that_comes_twice_is_the_first() -> None:
    """On 25 October 2026 Warsaw goes from 02:59:59 back to 02:00:00."""
    night = hours(start="02:30", end="04:00")
    found = night.next_open(unix("Europe/Warsaw", 2026, 10, 25, 1))
    assert found == unix("Europe/Warsaw", 2026, 10, 25, 2, 30, fold=0)


def test_unix_seconds_are_the_nearest_float_so_that_equal_instants_are_shown_alike() -> None:
    at_ns, offset_ns = 71_626_147_456, 1_796_024_000_000_000_000
    assert unix_seconds(at_ns, offset_ns) == float(Fraction(at_ns + offset_ns, 10**9))
    assert unix_seconds(at_ns, offset_ns) != (at_ns + offset_ns) / 1e9


def test_no_other_module_calculates_unix_seconds_with_a_fraction() -> None:
    package = Path(mock_provider.__file__).parent
    found = [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"offset_ns(\(\))?\)* / ", path.read_text())
    ]
    assert found == ["engine/localtime.py"]
