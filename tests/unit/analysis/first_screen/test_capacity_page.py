"""The page of ``smsbench capacity``: one figure for the capacity, the one that the search found."""

from __future__ import annotations

import msgspec
import pytest
from made_benches import suite
from made_reports import part, report, throughput
from screen_words import answer_text

from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import Figure, words
from analysis.model import RunReport

replace = msgspec.structs.replace


def searched(sustained_per_s: float | None = 60.0, profile: str = "fast") -> RunReport:
    """A trial at 60/s, whose random arrivals have a mean of 60.2/s."""
    found = suite().capacity
    assert found is not None
    capacity = replace(found, sustained_per_s=sustained_per_s, low_per_s=60.0, high_per_s=60.0)
    rates = throughput(offered_mean_per_s=60.2, delivered_best=None)
    trial = part("trial", profile=profile, messages_per_day=None, throughput=rates)
    return report(trial, capacity=capacity)


def test_a_yes_quotes_the_sustained_rate_of_the_search() -> None:
    screen = first_screen(searched())
    assert words(screen.why) == "my-sender met every objective at 60.0/s."
    assert "60.0/s sustained (60.0/s to 60.0/s)" in answer_text(screen, "rate")
    assert screen.notes == ()


@pytest.mark.parametrize("made", [searched(profile="smsapi"), searched(sustained_per_s=None)])
def test_without_a_sustained_rate_on_its_profile_a_part_quotes_its_own(made: RunReport) -> None:
    assert words(first_screen(made).why) == "my-sender met every objective at 60.2/s."


def test_a_yes_above_the_searched_capacity_is_found() -> None:
    made, other = searched(), searched(profile="smsapi")
    field = "parts.0.throughput.offered_mean_per_s"
    above = ("my-sender met every objective at ", Figure(text="60.2/s", source=field, number=60.2, unit="/s"))
    screen = replace(first_screen(made), why=above)
    assert contradictions(first_screen(made), made) == ()
    assert contradictions(screen, made) == ("YES names 60.2/s, but the capacity is at most 60.0/s",)
    assert contradictions(replace(first_screen(other), why=above), other) == ()  # another profile
