"""Limits and figures as text: the limit as it was given, and a figure on the right side of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.formatting import share_of_one_text, share_text, significant
from analysis.objectives.grammar import parse
from analysis.objectives.objective_text import limit_of, value_text


@pytest.mark.parametrize(
    ("objective", "shown"),
    [
        ("cost_per_1000<246.9", "< 246.9"),
        ("cost_per_1000<1234", "< 1,234"),
        ("cost_per_1000<0.00125", "< 0.00125"),
        ("delivered>94.96%", "> 94.96 %"),
        ("delivered>98.76%", "> 98.76 %"),
        ("delivered>=90%", "≥ 90 %"),
        ("not_taken<=0.123%", "≤ 0.123 %"),
        ("availability>99.9%", "> 99.9 %"),
        ("loss<=12345", "≤ 12,345"),
        ("loss=0", "0"),
        ("otp.p95<12.345s", "< 12.345 s"),
    ],
)
def test_a_limit_has_every_digit_that_was_given(objective: str, shown: str) -> None:
    assert limit_of(parse(objective)) == shown


@pytest.mark.parametrize(
    ("objective", "value", "shown"),
    [
        ("cost_per_1000<246.9", 246.8, "246.8"),
        ("cost_per_1000<246.9", 210.04, "210"),
        ("cost_per_1000<243.6", 243.61, "244"),
        ("delivered>94.96%", 0.94961, "95 %"),
        ("delivered>94.96%", 0.94959, "94.959 %"),
        ("delivered>0.45%", 0.00451, "0.451 %"),
        ("delivered>=90%", 0.8999, "89.99 %"),
        ("delivered>=90%", 0.97012, "97 %"),
        ("otp.p95<20s", 20.004, "20.004 s"),
        ("api.p99<500ms", 0.3333, "333 ms"),
    ],
)
def test_a_figure_is_on_its_side_of_the_limit(objective: str, value: float, shown: str) -> None:
    assert value_text(parse(objective), value) == shown


@given(limit=st.integers(1, 9_999), difference=st.integers(-500, 500))
def test_a_share_is_never_shown_on_the_other_side(limit: int, difference: int) -> None:
    value = min(max(limit * 10 + difference, 0), 100_000)
    spec = parse(f"delivered>{limit / 100:g}%")
    number = float(value_text(spec, value / 100_000).removesuffix(" %"))
    assert (number > limit / 100) == (value > limit * 10)
    assert (number < limit / 100) == (value < limit * 10)


def test_an_amount_and_a_thousand_times_it_are_rounded_alike() -> None:
    assert (significant(0.2475), significant(247.5)) == ("0.248", "248")
    assert (significant(0.2485), significant(248.5)) == ("0.249", "249")
    assert (significant(9.996), significant(1e12), significant(-0.0625, 2)) == (
        "10.0",
        "1,000,000,000,000",
        "-0.063",
    )


def test_a_share_is_not_rounded_to_all_or_nothing() -> None:
    assert [share_of_one_text(each) for each in (0.0, 0.0004, 0.058, 0.994, 0.9994, 1.0)] == [
        "0 %",
        "0.04 %",
        "5.8 %",
        "99.4 %",
        "99.94 %",
        "100 %",
    ]
    assert share_text(9_999, 10_000) == "99.99 %"
    assert share_text(0, 0) == "-"
