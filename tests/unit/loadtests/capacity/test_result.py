"""What a search found: capacity.json, words and exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from analysis.capacity_record import CAPACITY, read_capacity, write_capacity
from loadtests.arrivals import DayCurve, peak_rate_per_s
from loadtests.capacity.bracket import SearchSettings, TrialResult, TrialVerdict
from loadtests.capacity.result import (
    Searched,
    bracket_words,
    capacity_result,
    exit_code,
    last_trial_words,
    lines,
    per_day,
    shown_trial,
)

SETTINGS = SearchSettings()
SEARCHED = Searched(profile="fast", target="mine", objectives=("otp.p95<20s", "loss=0"), ended="so it is")


def trial(
    rate_per_s: float, verdict: TrialVerdict, through_per_s: float = 0.0, bottleneck: str = ""
) -> TrialResult:
    return TrialResult(
        rate_per_s=rate_per_s,
        load_s=8.0,
        verdict=verdict,
        stable=verdict != "missed",
        through_per_s=through_per_s or rate_per_s,
        through_low_per_s=through_per_s or rate_per_s,
        through_high_per_s=through_per_s or rate_per_s,
        why="the backlog grew by 12/s" if verdict == "missed" else "",
        bottlenecks=(bottleneck,) if bottleneck else (),
        place=f"trials/{rate_per_s:g}",
    )


FOUND = [
    trial(50, "met"),
    trial(450, "missed", 300, "the provider's limit"),
    trial(312, "missed", 300),
    trial(297, "met"),
]


def test_the_rate_that_was_met_is_the_figure_and_the_interval_is_around_the_truth() -> None:
    found = capacity_result(SETTINGS, FOUND, SEARCHED)
    assert (found.sustained_per_s, found.low_per_s, found.high_per_s) == (297, 297, 300)
    # At the lowest missed rate nothing was named: the next one's bottleneck stands.
    assert found.bottlenecks == ("the provider's limit",)
    assert [each.verdict for each in found.trials] == ["met", "missed", "missed", "met"]
    assert exit_code(found) == 0


@pytest.mark.parametrize(
    ("precision", "trials", "missed"),
    [
        (0.02, FOUND, None),
        (0.005, FOUND, 0.005),
        (0.2, [trial(300, "met"), trial(800, "missed", 800)], 0.2),
        (0.2, [trial(300, "met")], 0.2),  # no rate above it was tried
        # The highest rate of the search counts as met after the longest trial.
        (0.2, [replace(trial(5_000, "met"), load_s=SETTINGS.longest_s)], None),
        (0.2, [trial(300, "met"), trial(5_000, "met")], 0.2),
        (0.2, [trial(50, "missed", 1)], None),
    ],
)
def test_a_precision_that_was_not_reached_is_said(
    precision: float, trials: list[TrialResult], missed: float | None
) -> None:
    found = capacity_result(SearchSettings(precision=precision), trials, SEARCHED)
    assert found.precision_missed == missed
    reported = f"the precision of {precision:g} was not reached" in "\n".join(lines(found, ()))
    assert reported == (missed is not None)
    assert exit_code(found) == (0 if found.sustained_per_s else 1)


def test_the_report_shows_the_trial_at_the_sustained_rate() -> None:
    assert shown_trial(SETTINGS, FOUND) == "trials/297"
    assert shown_trial(SETTINGS, [trial(50, "missed", 1)]) == "trials/50"
    assert shown_trial(SETTINGS, [trial(50, "invalid")]) is None


def test_a_day_has_the_rate_at_its_peak() -> None:
    messages = round(per_day(297))
    assert peak_rate_per_s(DayCurve(messages)) == pytest.approx(297, rel=1e-6)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (("met",), 0),
        (("missed", "missed"), 1),
        (("invalid", "missed"), 1),
        (("undecided", "invalid"), 4),
        (("invalid", "invalid"), 3),
        ((), 3),
    ],
)
def test_exit_codes(verdicts: tuple[TrialVerdict, ...], code: int) -> None:
    trials = [trial(50 - number, verdict) for number, verdict in enumerate(verdicts)]
    found = capacity_result(SETTINGS, trials, SEARCHED)
    assert exit_code(found) == code


def test_words_for_a_reader() -> None:
    found = capacity_result(SETTINGS, FOUND, SEARCHED)
    text = lines(found, ("the backlog",))
    assert text[0] == "297/s sustained (297/s to 300/s): so it is"
    assert text[1].startswith("equivalent to a day of 11,8")
    assert text[2] == "bottleneck above it: the provider's limit"
    assert text[3:] == [
        "judged by: otp.p95<20s, loss=0",
        "not judged, since no trial had enough data: the backlog",
    ]


def test_without_a_bottleneck_the_cause_of_the_miss_is_named() -> None:
    found = capacity_result(SETTINGS, [trial(50, "met"), trial(150, "missed", 100)], SEARCHED)
    assert "bottleneck above it: unknown. At 150/s: the backlog grew by 12/s" in lines(found, ())


def test_no_rate_met() -> None:
    found = capacity_result(SETTINGS, [trial(50, "missed", 1)], SEARCHED)
    assert found.sustained_per_s is None
    assert found.messages_per_day is None
    assert lines(found, ())[0] == "no rate met every objective: so it is"


def test_a_met_trial_that_is_too_short_to_count_is_explained() -> None:
    """At the highest rate no overload shows whether the target used a reserve."""
    settings = SearchSettings(from_per_s=20.0, to_per_s=40.0)
    trials = [trial(20, "met"), trial(40, "undecided"), trial(40, "met")]
    found = capacity_result(settings, trials, SEARCHED)
    assert found.sustained_per_s == 20.0
    assert [each.needed_load_s for each in found.trials] == [None, None, settings.longest_s]
    assert (
        "40/s was met and does not count: its load was too short to rule out a reserve of the target. That "
        "needs 32 s. Give more --trials" in lines(found, ())
    )
    assert "does not count yet, since 8 s are too short" in last_trial_words(settings, trials)
    longer = [*trials, replace(trials[-1], load_s=settings.longest_s)]
    assert capacity_result(settings, longer, SEARCHED).sustained_per_s == 40.0
    assert "count" not in last_trial_words(settings, longer)


def test_the_bracket_so_far_as_text() -> None:
    assert bracket_words(SETTINGS, []) == "no trial was made"
    assert bracket_words(SETTINGS, FOUND[:1]) == "capacity at least 50/s"
    assert bracket_words(SETTINGS, FOUND[:2]) == "capacity between 50/s and 450/s"
    assert bracket_words(SETTINGS, FOUND) == "capacity between 297/s and 300/s"
    assert bracket_words(SETTINGS, [trial(50, "missed", 20)]) == "capacity below 50/s"
    assert bracket_words(SETTINGS, [trial(50, "invalid")]) == "no rate met yet"


def test_capacity_json_is_read_back(tmp_path: Path) -> None:
    found = capacity_result(SETTINGS, FOUND, SEARCHED)
    write_capacity(tmp_path, found)
    assert read_capacity(tmp_path) == found
    (tmp_path / CAPACITY).write_text('{"profile": 1}')
    with pytest.raises(ValueError, match=r"capacity\.json: .*profile"):
        read_capacity(tmp_path)
