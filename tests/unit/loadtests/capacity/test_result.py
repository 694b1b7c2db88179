"""What a search found: capacity.json, words and exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from analysis.capacity_record import CAPACITY, read_capacity, write_capacity
from loadtests.arrivals import DayCurve, peak_rate_per_s
from loadtests.capacity.bracket import SearchSettings, TrialResult, TrialVerdict, read_trials
from loadtests.capacity.result import (
    Searched,
    bracket_text,
    capacity_result,
    last_trial_text,
    lines,
    per_day,
    shown_trial,
    unjudged,
)
from loadtests.capacity.search import SearchEnd, interval_texts, next_step

SETTINGS = SearchSettings()
SEARCHED = Searched(profile="fast", target="mine", objectives=("otp.p95<20s", "loss=0"), ended="so it is")


UNKNOWN = "no sample or stage shows the cause"


def _kind(bottleneck: str) -> str:
    return "unknown" if bottleneck == UNKNOWN else "sender_store"


def trial(
    rate_per_s: float, verdict: TrialVerdict, through_per_s: float = 0.0, bottleneck: str = ""
) -> TrialResult:
    return TrialResult(
        rate_per_s=rate_per_s,
        load_s=8.0,
        verdict=verdict,
        sustained=verdict != "missed",
        through_per_s=through_per_s or rate_per_s,
        through_low_per_s=through_per_s or rate_per_s,
        through_high_per_s=through_per_s or rate_per_s,
        why="the backlog grew by 12/s" if verdict == "missed" else "",
        bottlenecks=(bottleneck,) if bottleneck else (),
        bottleneck_kinds=(_kind(bottleneck),) if bottleneck else (),
        place=f"trials/{rate_per_s:g}",
    )


FOUND = [
    trial(50, "met"),
    trial(450, "missed", 300, "the provider's limit"),
    trial(312, "missed", 300),
    trial(297, "met"),
]


@pytest.mark.parametrize(
    ("limits", "through_per_s", "target", "told"),
    [
        ("none", 40.1, "mine", True),
        ("none", 52.0, "mine", False),  # it forwards more if more is offered
        ("100 requests/s", 40.1, "mine", False),  # it may be the contract's
        ("none", 40.1, "reference_sender", False),
    ],
)
def test_the_same_throughput_at_two_rates_is_a_limit_of_the_target(
    limits: str, through_per_s: float, target: str, told: bool
) -> None:
    tried = [trial(20, "met"), trial(41.6, "missed", 40.0), trial(60, "missed", through_per_s, UNKNOWN)]
    found = capacity_result(
        SETTINGS, [replace(each, profile_limits=limits) for each in tried], replace(SEARCHED, target=target)
    )
    said = (
        "mine forwards the same rate at 41.6/s and at 60/s: a limit of its own rate, "
        "or a fixed number of workers"
    )
    assert found.bottlenecks == ((said,) if told else (UNKNOWN,))
    assert found.bottleneck_kinds == ("sender_rate" if told else "unknown",)


def test_a_named_bottleneck_goes_before_the_same_throughput_at_two_rates() -> None:
    tried = [trial(20, "met"), trial(41.6, "missed", 40.0), trial(60, "missed", 40.0, "a slow store")]
    tried = [replace(each, profile_limits="none") for each in tried]
    assert capacity_result(SETTINGS, tried, SEARCHED).bottlenecks == ("a slow store",)


def test_an_unknown_bottleneck_does_not_hide_one_that_is_named_above_it() -> None:
    tried = [
        trial(100, "met"),
        trial(110, "missed", 100, UNKNOWN),
        trial(300, "missed", 100, "its rate limits"),
    ]
    assert capacity_result(SETTINGS, tried, SEARCHED).bottlenecks == ("its rate limits",)
    alone = capacity_result(SETTINGS, tried[:2], SEARCHED)
    assert alone.bottlenecks == (UNKNOWN,)


def test_the_rate_that_was_met_is_the_figure_and_the_interval_is_around_the_truth() -> None:
    found = capacity_result(SETTINGS, FOUND, SEARCHED)
    assert (found.sustained_per_s, found.low_per_s, found.high_per_s) == (297, 297, 297 * 1.02)
    # At the lowest missed rate nothing was named: the next one's bottleneck stands.
    assert found.bottlenecks == ("the provider's limit",)
    assert [each.verdict for each in found.trials] == ["met", "missed", "missed", "met"]
    assert [each.load_s for each in found.trials] == [each.load_s for each in FOUND]
    assert found.profile_limits == "unknown"
    judged = [replace(FOUND[0], verdict="invalid"), replace(FOUND[1], profile_limits="none"), *FOUND[2:]]
    assert capacity_result(SETTINGS, judged, SEARCHED).profile_limits == "none"


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
    reported = f"the precision of {100 * precision:g} % was not reached" in "\n".join(lines(found, ()))
    assert reported == (missed is not None)


@pytest.mark.parametrize(
    ("low_per_s", "high_per_s", "shown"),
    [
        (60.0, 60.03, "60.00/s and 60.03/s"),
        (60.0, 60.5, "60.0/s and 60.5/s"),
        (297.0, 300.0, "297/s and 300/s"),
        (1_200.0, 1_200.4, "1,200.0/s and 1,200.4/s"),
        (8_000.0, 9_000.5, "8,000/s and 9,000/s"),
    ],
)
def test_both_ends_of_an_interval_have_one_format_and_differ(
    low_per_s: float, high_per_s: float, shown: str
) -> None:
    assert " and ".join(interval_texts(low_per_s, high_per_s)) == shown
    settings = SearchSettings(precision=0.0)
    trials = [trial(low_per_s, "met"), trial(1.2 * low_per_s, "missed", high_per_s)]
    assert read_trials(settings, trials).high_per_s == high_per_s
    assert bracket_text(settings, trials) == f"capacity between {shown}"
    text = lines(capacity_result(settings, trials, SEARCHED), ())[0]
    assert f"sustained ({shown.replace('and', 'to')})" in text


@pytest.mark.parametrize("brief", [False, True])
def test_a_brief_search_also_reports_a_wide_interval(brief: bool) -> None:
    """The bench doubles the rate: 8,000/s is met and 16,000/s is missed, with a precision of 25 %."""
    settings = SearchSettings(from_per_s=2_000.0, to_per_s=50_000.0, precision=0.25, brief=brief)
    found = capacity_result(settings, [trial(8_000, "met"), trial(16_000, "missed")], SEARCHED)
    assert (found.low_per_s, found.high_per_s) == (8_000, 16_000)
    assert (found.precision_missed, found.brief) == (0.25, brief)


@pytest.mark.parametrize(
    ("most_trials", "ended", "advice"),
    [
        (
            5,
            "5 trials were made",
            "this interval. Give more --trials (up to 12), a longer --trial-s, or --from and",
        ),
        (12, "12 trials were made", "this interval. Give a longer --trial-s or --from and --to closer to it"),
        (12, "interrupted", "this interval, since the search was interrupted"),
        (5, "interrupted", "this interval, since the search was interrupted"),
    ],
)
def test_more_trials_are_advised_only_if_they_are_allowed(most_trials: int, ended: str, advice: str) -> None:
    searched = Searched(profile="fast", target="mine", objectives=(), ended=ended)
    settings = SearchSettings(precision=0.02, to_per_s=300.0, most_trials=most_trials)
    trials = [trial(100, "met"), trial(300, "undecided"), trial(300, "met")]
    text = lines(capacity_result(settings, trials, searched), (), (), most_trials)
    wide, short = (
        next(each for each in text if part in each) for part in ("the precision", "does not count")
    )
    assert advice in wide
    assert ("--trials" in short) == ("--trials" in wide) == (most_trials == 5 and ended != "interrupted")
    assert ("Give" in short) == (ended != "interrupted")


def test_the_report_shows_the_trial_at_the_sustained_rate() -> None:
    assert shown_trial(SETTINGS, FOUND) == "trials/297"
    assert shown_trial(SETTINGS, [trial(50, "missed", 1)]) == "trials/50"
    assert shown_trial(SETTINGS, [trial(50, "invalid")]) is None


def test_a_day_has_the_rate_at_its_peak() -> None:
    messages = round(per_day(297))
    assert peak_rate_per_s(DayCurve(messages)) == pytest.approx(297, rel=1e-6)


def test_the_result_as_text() -> None:
    found = capacity_result(SETTINGS, FOUND, SEARCHED)
    text = lines(found, ("the backlog",))
    assert text[0] == "297/s sustained (297.0/s to 302.9/s): so it is"
    assert text[1].startswith("equivalent to a day of 11,8") and ",000 messages, " in text[1]  # four digits
    assert text[2] == "bottleneck above it: the provider's limit"
    assert text[3:] == [
        "judged by: otp.p95<20s, loss=0",
        "not judged at this rate, for lack of data: the backlog",
    ]


def test_an_objective_that_was_judged_only_above_the_sustained_rate_is_not_judged() -> None:
    low = replace(trial(50, "met"), judged=("loss=0",))
    high = replace(trial(150, "missed", 60), judged=("loss=0", "otp.p95<20s"))
    assert unjudged(SETTINGS, [low, high], SEARCHED.objectives) == ("otp.p95<20s", "the backlog")
    assert unjudged(SETTINGS, [high], SEARCHED.objectives) == ("the backlog",)
    text = lines(capacity_result(SETTINGS, [low, high], SEARCHED), ("otp.p95<20s",), ("--trial-s 13",))
    assert text[-2:] == [
        "not judged at this rate, for lack of data: otp.p95<20s",
        "to judge them: --trial-s 13",
    ]


def test_without_a_met_and_a_missed_rate_the_report_shows_the_undecided_one() -> None:
    trials = [trial(50, "undecided"), trial(20, "invalid")]
    assert shown_trial(SETTINGS, trials) == "trials/50"


def test_without_a_bottleneck_the_cause_of_the_miss_is_named() -> None:
    found = capacity_result(SETTINGS, [trial(50, "met"), trial(150, "missed", 100)], SEARCHED)
    assert "bottleneck above it: unknown. At 150/s: the backlog grew by 12/s" in lines(found, ())


def test_without_a_sustained_rate_the_bottleneck_is_that_of_every_rate() -> None:
    found = capacity_result(SETTINGS, [trial(50, "missed", 1)], SEARCHED)
    assert found.sustained_per_s is None
    assert "bottleneck at every rate: unknown. At 50/s: the backlog grew by 12/s" in lines(found, ())


def test_an_interval_is_not_narrower_than_its_trials_show() -> None:
    """60/s was met and 62.5/s was missed: a throughput of 60.01/s does not bound the capacity there."""
    trials = [trial(60, "met"), trial(180, "missed", 60.01), trial(62.5, "missed", 60.01)]
    found = capacity_result(SETTINGS, trials, SEARCHED)
    assert (found.low_per_s, found.high_per_s, found.precision_missed) == (60, 61.2, None)
    assert lines(found, ())[0].startswith("60/s sustained (60.0/s to 61.2/s)")
    near = [trial(60, "met"), trial(60.5, "missed", 60.01)]
    assert capacity_result(SETTINGS, near, SEARCHED).high_per_s == 60.5


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (("undecided",), "no rate was decided"),
        (("invalid", "undecided"), "no rate was decided"),
        (("invalid",), "no rate was measured"),
        ((), "no rate was measured"),
        (("undecided", "missed"), "no rate met every objective"),
    ],
)
def test_without_a_missed_rate_no_objective_is_called_missed(
    verdicts: tuple[TrialVerdict, ...], said: str
) -> None:
    trials = [trial(50 * number, verdict, 1) for number, verdict in enumerate(verdicts, 1)]
    interrupted = replace(SEARCHED, ended="interrupted")
    assert lines(capacity_result(SETTINGS, trials, interrupted), ())[0] == f"{said}: interrupted"


def test_one_trial_is_a_singular() -> None:
    end = next_step(SearchSettings(most_trials=1), [trial(50, "met")])
    assert end == SearchEnd(False, "1 trial was made")


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
        "needs 32 s. Give more --trials (up to 12) or --from closer to it" in lines(found, (), (), 3)
    )
    assert "does not count yet, since 8 s are too short" in last_trial_text(settings, trials)
    longer = [*trials, replace(trials[-1], load_s=settings.longest_s)]
    assert capacity_result(settings, longer, SEARCHED).sustained_per_s == 40.0
    assert "count" not in last_trial_text(settings, longer)


def test_the_bracket_so_far_as_text() -> None:
    assert bracket_text(SETTINGS, []) == "no trial was made"
    assert bracket_text(SETTINGS, FOUND[:1]) == "capacity at least 50/s"
    assert bracket_text(SETTINGS, FOUND[:2]) == "capacity between 50/s and 450/s"
    assert bracket_text(SETTINGS, FOUND) == "capacity between 297.0/s and 302.9/s"
    assert bracket_text(SETTINGS, [trial(50, "missed", 20)]) == "capacity below 50/s"
    assert bracket_text(SETTINGS, [trial(50, "invalid")]) == "no rate met yet"


def test_capacity_json_is_read_back(tmp_path: Path) -> None:
    found = capacity_result(SETTINGS, FOUND, SEARCHED)
    write_capacity(tmp_path, found)
    assert read_capacity(tmp_path) == found
    (tmp_path / CAPACITY).write_text('{"profile": 1}')
    with pytest.raises(ValueError, match=r"capacity\.json: .*profile"):
        read_capacity(tmp_path)


@pytest.mark.parametrize(("precision", "shown"), [(0.2, "20 %"), (0.02, "2 %"), (0.005, "0.5 %")])
def test_the_end_of_the_search_names_its_precision(precision: float, shown: str) -> None:
    settings = SearchSettings(precision=precision)
    trials = [trial(299.5, "met"), trial(310, "missed", 300), trial(600, "missed", 300)]
    assert next_step(settings, trials) == SearchEnd(True, f"the interval is no wider than {shown}")


def test_a_met_rate_that_a_longer_load_did_not_meet_says_that_it_does_not_count() -> None:
    met = replace(trial(301, "met"), load_s=8.0)
    longer = replace(trial(301, "missed", 297), load_s=32.0)
    found = capacity_result(SETTINGS, [trial(100, "met"), trial(900, "missed", 300), met, longer], SEARCHED)
    assert found.trials[2].why.endswith("does not count, since a longer load at this rate was not met")
    assert found.trials[0].why == ""


def test_a_growth_below_the_throughput_that_the_target_has_shown_is_made_again() -> None:
    """One look says so by chance in up to 2.5 of 100 trials at the limit."""
    growth = replace(trial(296, "missed", 290), load_s=8.0)
    trials = [trial(50, "met"), trial(450, "missed", 300), trial(312, "missed", 300), growth]
    assert read_trials(SETTINGS, trials).repeat == (296, 16.0)
    assert last_trial_text(SETTINGS, trials).endswith(
        "repeated for longer, since the target has shown a higher throughput"
    )
    met = replace(trial(296, "met"), load_s=16.0)
    found = capacity_result(SETTINGS, [*trials, met], SEARCHED)
    assert found.sustained_per_s == 296
    assert found.trials[3].why == (
        "the backlog grew by 12/s; repeated for longer, since the target has shown a higher throughput"
    )
    # Twice is not due to chance.
    twice = [*trials, replace(growth, load_s=16.0)]
    assert read_trials(SETTINGS, twice).repeat is None
    assert read_trials(SETTINGS, twice).missed_per_s == 296
    # A brief search has no trial to spare.
    assert read_trials(replace(SETTINGS, brief=True), trials).repeat is None


def test_the_upper_end_of_the_capacity_does_not_rise_and_is_not_below_the_throughput() -> None:
    """The limit is 80/s. The throughput at 120/s bounds it, and a rate a little above that can be met."""
    settings = SearchSettings(precision=0.1)
    met = trial(40.0, "met")
    overload = replace(
        trial(120.0, "missed", 78.96), sustained=False, through_low_per_s=78.7, through_high_per_s=79.2
    )
    near = replace(trial(94.75, "missed", 79.85), sustained=False, reserve=300.0)
    last = trial(75.01, "met", 74.5)
    shown = [bracket_text(settings, (met, overload, near, last)[:count]) for count in (2, 3, 4)]
    assert shown == [
        "capacity between 40/s and 120/s",
        "capacity between 40.0/s and 87.1/s",
        "capacity between 75.0/s and 82.5/s",
    ]
