"""Opening hours by the country of a number, in local time, with daylight saving and several zones."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from nanoseconds import S
from pydantic import ValidationError

from reference_sender.policy.countries import Country, Prefixes, default_countries
from reference_sender.policy.quiet_hours import ALWAYS, FOREVER, NEVER, OpeningHours, OpenWindow, next_window

POLE, FRENCH, AMERICAN, GREEK = "48500100200", "33612345678", "12125550123", "306912345678"


def at(text: str, zone: str = "Europe/Warsaw") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * S


@pytest.fixture
def hours() -> OpeningHours:
    return OpeningHours(default_countries())


@pytest.mark.parametrize(
    ("number", "now", "zone", "opens", "closes"),
    [
        (POLE, "2026-11-02T12:00", "Europe/Warsaw", "2026-11-02T08:00", "2026-11-02T20:00"),
        (POLE, "2026-11-02T07:59:59", "Europe/Warsaw", "2026-11-02T08:00", "2026-11-02T20:00"),
        (POLE, "2026-11-02T20:00", "Europe/Warsaw", "2026-11-03T08:00", "2026-11-03T20:00"),
        (POLE, "2026-11-02T19:59:59", "Europe/Warsaw", "2026-11-02T08:00", "2026-11-02T20:00"),
        # Saturday night to Monday: France is closed on Sundays.
        (FRENCH, "2026-10-31T22:00", "Europe/Paris", "2026-11-02T08:00", "2026-11-02T22:00"),
        # The clocks go forward in the night before this Sunday, and back before that one.
        (POLE, "2026-03-28T21:00", "Europe/Warsaw", "2026-03-29T08:00", "2026-03-29T20:00"),
        (POLE, "2026-10-24T21:00", "Europe/Warsaw", "2026-10-25T08:00", "2026-10-25T20:00"),
        # From 8 in Los Angeles to 21 in New York.
        (AMERICAN, "2026-11-02T09:00", "America/New_York", "2026-11-02T11:00", "2026-11-02T21:00"),
    ],
)
def test_the_next_opening_hours(
    hours: OpeningHours, number: str, now: str, zone: str, opens: str, closes: str
) -> None:
    assert hours.window(number, at(now, zone)) == OpenWindow(at(opens, zone), at(closes, zone))


def test_a_country_that_is_not_listed_is_always_open(hours: OpeningHours) -> None:
    assert hours.window(GREEK, at("2026-11-02T03:00")) == ALWAYS


def test_the_kept_hours_of_a_country_do_not_outlive_their_end(hours: OpeningHours) -> None:
    first = hours.window(POLE, at("2026-11-02T12:00"))
    assert hours.window(POLE, first.closes_ns - 1) is first
    assert hours.window(POLE, first.closes_ns) == OpenWindow(at("2026-11-03T08:00"), at("2026-11-03T20:00"))
    assert hours.window(POLE, at("2026-11-02T12:00")) == first, "an earlier question still has its answer"


def test_a_country_that_never_opens_and_one_that_never_closes() -> None:
    closed = Country(prefixes=("999",), zones=("UTC",))
    assert next_window(closed, 0) == NEVER
    day = ("00:00", "24:00")
    open_country = Country(prefixes=("999",), zones=("UTC",), monday_to_friday=day, saturday=day, sunday=day)
    now_ns = at("2026-11-02T12:00", "UTC")
    window = next_window(open_country, now_ns)
    assert window.opens_ns < now_ns < now_ns + 86_400 * S < window.closes_ns < FOREVER


def test_the_longest_prefix_counts() -> None:
    table = {
        "US": Country(prefixes=("1",), zones=("UTC",)),
        "JM": Country(prefixes=("1876", "1658"), zones=("UTC",)),
    }
    prefixes = Prefixes(table.items())
    assert [prefixes.code(number) for number in (AMERICAN, "18765550123", POLE)] == ["US", "JM", ""]
    with pytest.raises(ValueError, match="the prefix 1 belongs to US and to CA"):
        Prefixes([*table.items(), ("CA", Country(prefixes=("1",), zones=("UTC",)))])


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("zones", ["Mars/Olympus"], "is not a time zone"),
        ("sunday", ["20:00", "08:00"], "closing time must be after"),
        ("saturday", ["8", "20"], "String should match"),
        ("prefixes", ["+48"], "String should match"),
    ],
)
def test_a_wrong_entry_is_refused(field: str, value: list[str], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        Country.model_validate({"prefixes": ["48"], "zones": ["UTC"]} | {field: value})
