"""``Retry-After``, in both its forms and the three of a date."""

from __future__ import annotations

from calendar import timegm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_sender.routes.retry_after import MAX_RETRY_AFTER_S, http_date_s, retry_after_s

NOW_S = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("0", 0.0),
        ("8", 8.0),
        (" 8 ", 8.0),
        ("604800", MAX_RETRY_AFTER_S),
        ("604801", MAX_RETRY_AFTER_S),
        ("9" * 400, MAX_RETRY_AFTER_S),
        ("Fri, 15 Jan 2027 08:00:08 GMT", 8.0),
        ("Friday, 15-Jan-27 08:00:08 GMT", 8.0),
        ("Fri Jan 15 08:00:08 2027", 8.0),
        ("Fri, 15 Jan 2027 07:59:59 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Sat Nov  5 08:49:37 1994", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER_S),
    ],
)
def test_seconds_and_dates_are_waits(value: str, wait_s: float) -> None:
    assert retry_after_s(value, None, NOW_S) == wait_s


@pytest.mark.parametrize(
    "value",
    [
        *("", "soon", "-1", "1.5", "٣", "1e3", "inf", "nan"),
        "Fri, 15 Jan 2027 08:00:08",  # no zone
        "Fri, 15 Jan 2027 08:00:08 CET",
        "Fri, 32 Jan 2027 08:00:08 GMT",
        "Fri, 15 Jan 2027 24:00:00 GMT",
        "Fri, 15 Jan 2027 08:00:61 GMT",
        "Fri, 29 Feb 2027 08:00:00 GMT",
        "Fri, 15 jan 2027 08:00:08 GMT",
        "2027-01-15T08:00:08Z",
    ],
)
def test_a_retry_after_that_is_neither_seconds_nor_a_date_is_ignored(value: str) -> None:
    assert retry_after_s(value, None, NOW_S) is None


def test_a_date_is_an_instant_of_the_providers_clock() -> None:
    an_hour_behind = "Fri, 15 Jan 2027 07:00:00 GMT"
    assert retry_after_s("Fri, 15 Jan 2027 07:00:08 GMT", an_hour_behind, NOW_S) == 8.0
    assert retry_after_s("Fri, 15 Jan 2027 08:00:08 GMT", "no date", NOW_S) == 8.0
    assert retry_after_s("8", an_hour_behind, NOW_S) == 8.0


def test_a_year_of_two_digits_is_at_most_fifty_years_ahead() -> None:
    assert http_date_s("Friday, 15-Jan-77 08:00:00 GMT", NOW_S) == timegm((2077, 1, 15, 8, 0, 0))
    assert http_date_s("Saturday, 15-Jan-78 08:00:00 GMT", NOW_S) == timegm((1978, 1, 15, 8, 0, 0))


def test_a_leap_second_is_a_date() -> None:
    assert http_date_s("Sat, 31 Dec 2016 23:59:60 GMT", NOW_S) == timegm((2016, 12, 31, 23, 59, 59))


@given(st.text() | st.from_regex(r"[A-Z][a-z]+,? [0-9A-Za-z :,-]{0,30}(GMT)?"), st.text())
def test_nothing_that_a_header_may_hold_is_an_error(value: str, date: str) -> None:
    wait_s = retry_after_s(value, date, NOW_S)
    assert wait_s is None or 0 <= wait_s <= MAX_RETRY_AFTER_S
