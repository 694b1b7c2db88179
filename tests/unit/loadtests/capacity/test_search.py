"""The search against simulated targets of known capacity, in virtual time."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from simulated_targets import (
    collapsing,
    noisy,
    search,
    servers,
    slow_above,
    takes_nothing,
    token_bucket,
    trial,
    unlimited,
)

from loadtests.capacity.bracket import MOST_TRIALS, SearchSettings, TrialResult, read_trials, saturation_of
from loadtests.capacity.result import Searched, capacity_result, upper_end_per_s
from loadtests.capacity.search import NextTrial, SearchEnd, next_step

SETTINGS = SearchSettings()
SEEDS = (1, 2, 3, 4, 5)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("burst_s", [0.01, 0.5, 2])
@pytest.mark.parametrize("rate_per_s", [30, 300, 3_000])
def test_a_token_bucket_is_found_within_two_percent(rate_per_s: float, burst_s: float, seed: int) -> None:
    trials, end = search(token_bucket(rate_per_s, 1 + burst_s * rate_per_s), SETTINGS, seed)
    bracket = read_trials(SETTINGS, trials)
    assert end.complete, end.why
    assert len(trials) <= 8
    assert 0.98 * rate_per_s <= bracket.met_per_s <= 1.02 * rate_per_s


def test_a_reserve_is_not_taken_for_capacity() -> None:
    # 330/s for 8 s are 240 messages more than 300/s: they live on a burst of 400.
    bucket = token_bucket(300, 400)
    assert trial(bucket, NextTrial(330, 8), 1, 0.5, 95.0).verdict == "met"
    settings = SearchSettings(from_per_s=330, longest_s=64)
    trials, _ = search(bucket, settings)
    assert trials[0].verdict == "met"
    assert [(each.rate_per_s, each.verdict) for each in trials[2:3]] == [(330, "missed")]
    assert trials[2].load_s > trials[0].load_s
    assert 294 <= read_trials(settings, trials).met_per_s <= 306


def test_a_clear_overload_follows_a_first_miss_that_was_none() -> None:
    """The bucket lasted for 6.6 of the 8 s at 337.8/s: without an overload 329.6/s was called sustained."""
    settings = SearchSettings(from_per_s=12.5145, to_per_s=6_000)
    trials, end = search(token_bucket(291.91794, 305.8619), settings, 361)
    assert [(each.rate_per_s, each.verdict) for each in trials[3:]] == [
        (337.8, "missed"),
        (675.6, "missed"),
        (289.0, "met"),
    ]
    assert end.complete
    assert read_trials(settings, trials).met_per_s == pytest.approx(291.91794, rel=0.02)


def test_a_clear_overload_at_which_the_bench_fails_changes_nothing() -> None:
    settings = SearchSettings(from_per_s=12.5145, to_per_s=6_000)
    trials, _ = search(token_bucket(291.91794, 305.8619), settings, 361)
    without = read_trials(settings, trials[:4])
    failed = [*trials[:4], result_of(NextTrial(675.6, 8.0), "invalid")]
    assert read_trials(settings, failed) == replace(without, overloaded=True)
    step = next_step(settings, failed)
    assert isinstance(step, NextTrial) and step.rate_per_s < 337.8


def test_a_met_rate_counts_only_if_its_end_would_have_shown_the_reserve_spent() -> None:
    """270/s for 8 s are 312 messages more than 231/s: a burst of 283 covers all but the last second."""
    settings = SearchSettings(from_per_s=10, to_per_s=6_000)
    trials, end = search(token_bucket(231, 283.638), settings, 950)
    assert (trials[3].rate_per_s, trials[3].verdict) == (270, "met")
    assert end.complete
    assert read_trials(settings, trials).met_per_s == pytest.approx(231, rel=0.02)


def test_the_upper_end_counts_as_met_only_after_the_longest_trial() -> None:
    """6,000/s for 8 s are 6,400 messages more than 5,200/s: they live on a burst of 10,400."""
    settings = SearchSettings(from_per_s=10, to_per_s=6_000)
    trials, end = search(token_bucket(5_200, 10_401), settings)
    assert [(each.load_s, each.verdict) for each in trials[6:8]] == [(8, "met"), (32, "missed")]
    assert end.complete
    assert read_trials(settings, trials).met_per_s == pytest.approx(5_200, rel=0.02)


def test_an_upper_end_with_many_digits_is_tried_exactly_and_ends_the_search() -> None:
    """It was rounded to 12,340/s, so that it was never reached and was tried until no trial was left."""
    trials, end = search(unlimited, SearchSettings(from_per_s=100, to_per_s=12_345))
    assert [each.rate_per_s for each in trials] == [100, 300, 900, 2_700, 8_100, 12_345, 12_345]
    assert end.complete


@pytest.mark.parametrize("seed", SEEDS)
def test_servers_with_random_times_are_found(seed: int) -> None:
    # p95 within 0.5 s holds up to 292/s: 0.1 s of service, and ln(20) / (300 - rate) of waiting.
    trials, _ = search(servers(10, 30), SETTINGS, seed)
    bracket = read_trials(SETTINGS, trials)
    assert 270 <= bracket.met_per_s <= 306
    assert bracket.met_per_s < bracket.high_per_s <= 315


@pytest.mark.parametrize("seed", SEEDS)
def test_a_limit_of_delay_is_found_below_the_throughput(seed: int) -> None:
    # M/M/1: p95 of the time in the system is ln(20) / (300 - rate), 0.05 s at 240/s.
    trials, _ = search(servers(1, 300), SETTINGS, seed, limit_s=0.05)
    bracket = read_trials(SETTINGS, trials)
    # Eight seconds of such a queue differ from eight others: the verdict is of what was seen.
    assert 215 <= bracket.met_per_s <= 280
    assert bracket.high_per_s <= 1.1 * bracket.met_per_s


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("collapsed_per_s", [20, 100, 200])
def test_a_target_that_collapses_is_found_at_its_knee(collapsed_per_s: float, seed: int) -> None:
    trials, _ = search(collapsing(300, 50, collapsed_per_s), SETTINGS, seed)
    bracket = read_trials(SETTINGS, trials)
    assert 285 <= bracket.met_per_s <= 303
    assert 300 <= bracket.high_per_s <= 1.06 * bracket.met_per_s


@pytest.mark.parametrize("seed", SEEDS)
def test_a_target_that_varies_is_found_within_its_own_spread(seed: int) -> None:
    trials, _ = search(noisy(300, 0.03), SETTINGS, seed)
    bracket = read_trials(SETTINGS, trials)
    assert 300 * (1 - 3 * 0.03 - 0.02) <= bracket.met_per_s <= 300 * (1 + 3 * 0.03)


def test_no_rate_is_missed_up_to_the_upper_end() -> None:
    trials, end = search(unlimited, SETTINGS)
    bracket = read_trials(SETTINGS, trials)
    assert bracket.met_per_s == SETTINGS.to_per_s
    assert math.isinf(bracket.high_per_s)
    assert end == SearchEnd(True, "no limit was reached up to 5,000/s, the upper end of the search")


def test_a_target_that_takes_nothing_ends_the_search_at_once() -> None:
    trials, end = search(takes_nothing, SETTINGS)
    assert len(trials) == 1
    assert end == SearchEnd(True, "no message was delivered at 50/s")


def test_a_target_that_is_too_slow_at_any_rate_is_reported_after_the_lowest() -> None:
    trials, end = search(unlimited, SETTINGS, limit_s=0.01)
    assert [each.rate_per_s for each in trials] == [50, 5]
    assert end == SearchEnd(True, "no rate down to 5/s was met")


@given(
    rate_per_s=st.floats(15, 3_000),
    burst_s=st.floats(0, 2),
    from_per_s=st.floats(10, 400),
    seed=st.integers(0, 1_000),
)
@example(rate_per_s=300.0, burst_s=0.0, from_per_s=300.0, seed=1)
# Searches that called 7 % to 20 % more than the limit sustained: the bucket carried their trials.
@example(rate_per_s=150.40973, burst_s=1.92939, from_per_s=195.903, seed=555)
@example(rate_per_s=291.91794, burst_s=1.04434, from_per_s=12.5145, seed=361)
@example(rate_per_s=16.791788, burst_s=1.90218, from_per_s=16.923895, seed=411)
@example(rate_per_s=801.0, burst_s=0.0, from_per_s=10.0, seed=1)
@example(rate_per_s=15.0, burst_s=0.0, from_per_s=10.0, seed=340)
@example(rate_per_s=73.994191, burst_s=1.27212, from_per_s=86.78628, seed=876)
# By chance the backlog grew at 121.8/s, although the target had carried 123/s in two trials.
@example(rate_per_s=123.0, burst_s=0.0, from_per_s=10.0, seed=230)
def test_never_more_than_twelve_trials_and_the_reported_interval_has_the_limit(
    rate_per_s: float, burst_s: float, from_per_s: float, seed: int
) -> None:
    settings = SearchSettings(from_per_s=from_per_s, to_per_s=6_000)
    trials, end = search(token_bucket(rate_per_s, 1 + burst_s * rate_per_s), settings, seed)
    assert len(trials) <= MOST_TRIALS
    searched = Searched(profile="bucket", target="simulated", objectives=(), ended=end.why)
    found = capacity_result(settings, trials, searched)
    assert found.low_per_s <= 1.03 * rate_per_s
    assert found.high_per_s is not None
    assert "trials were made" not in end.why
    # At a few messages per second random arrivals just below the limit can wait for longer than the
    # objective allows: 0.5 s are 7 messages at 15/s. Such a rate is missed although no backlog grows.
    delayed = (each.rate_per_s for each in trials if each.verdict == "missed" and each.sustained is not False)
    limit_per_s = min(rate_per_s, *delayed, math.inf)
    assert limit_per_s == rate_per_s or (rate_per_s < 60 and limit_per_s >= 0.9 * rate_per_s)
    assert found.high_per_s >= 0.97 * limit_per_s
    # The throughput under overload can widen the interval.
    assert found.low_per_s <= (found.sustained_per_s or 0.0) <= found.high_per_s
    assert (found.precision_missed is None) is (
        not found.low_per_s or found.high_per_s <= (1 + settings.precision) * found.low_per_s * (1 + 1e-9)
    )
    if end.complete and found.sustained_per_s is not None:
        assert found.sustained_per_s >= 0.97 * limit_per_s
        assert upper_end_per_s(settings, read_trials(settings, trials)) <= (
            (1 + settings.precision) * found.sustained_per_s
        )
    brackets = [read_trials(settings, trials[:count]) for count in range(1, len(trials) + 1)]
    for before, after in pairwise(each for each in brackets if math.isfinite(each.missed_per_s)):
        assert after.met_per_s < after.search_end_per_s <= after.missed_per_s <= before.missed_per_s
        # The search looks higher again only where a rate above an undecided one was met.
        risen = after.search_end_per_s > before.search_end_per_s
        assert not risen or after.met_per_s > before.ceiling_per_s
        # The lower end falls only where a trial shows that the target's throughput is lower.
        shown_per_s = after.saturation.high_per_s if after.saturation is not None else math.inf
        assert after.met_per_s >= before.met_per_s or shown_per_s < before.met_per_s


@given(
    verdicts=st.lists(st.sampled_from(["met", "missed", "undecided", "invalid"]), min_size=12, max_size=12)
)
def test_any_verdicts_end_within_twelve_trials(verdicts: list[str]) -> None:
    trials: list[TrialResult] = []
    while isinstance(step := next_step(SETTINGS, trials), NextTrial):
        assert SETTINGS.trial_s <= step.load_s <= SETTINGS.longest_s
        assert 0 < step.rate_per_s <= SETTINGS.to_per_s
        trials.append(result_of(step, verdicts[len(trials)]))
    bracket = read_trials(SETTINGS, trials)
    assert len(trials) <= MOST_TRIALS
    assert bracket.met_per_s < bracket.search_end_per_s
    # The last trial of a rate counts, unless it was to be repeated for longer.
    last = {each.rate_per_s: each.verdict for each in trials}
    pending_per_s = bracket.repeat[0] if bracket.repeat is not None else None
    met = [rate for rate, verdict in last.items() if verdict == "met" and rate != pending_per_s]
    # A clear overload above a missed rate may be met: the lower rate stays missed.
    assert bracket.met_per_s == max((rate for rate in met if rate < bracket.missed_per_s), default=0.0)


def result_of(step: NextTrial, verdict: str) -> TrialResult:
    """A trial of which only the verdict is known."""
    return TrialResult(
        rate_per_s=step.rate_per_s,
        load_s=step.load_s,
        verdict=verdict,  # type: ignore[arg-type]
        sustained=None,
        through_per_s=step.rate_per_s,
        through_low_per_s=step.rate_per_s,
        through_high_per_s=step.rate_per_s,
    )


def search_steps(
    *verdicts: str, settings: SearchSettings = SETTINGS
) -> tuple[list[TrialResult], NextTrial | SearchEnd]:
    trials: list[TrialResult] = []
    for verdict in verdicts:
        step = next_step(settings, trials)
        assert isinstance(step, NextTrial)
        trials.append(result_of(step, verdict))
    return trials, next_step(settings, trials)


def test_an_invalid_trial_is_made_once_more() -> None:
    trials, step = search_steps("met", "invalid")
    assert step == NextTrial(trials[-1].rate_per_s, trials[-1].load_s)


def test_a_bench_that_fails_at_the_first_rate_ends_the_search() -> None:
    trials, step = search_steps("invalid", "invalid")
    assert step == SearchEnd(False, "the bench itself failed at 50/s, the first rate")
    assert read_trials(SETTINGS, trials).met_per_s == 0


def test_a_failure_of_the_bench_says_nothing_about_the_target() -> None:
    trials, step = search_steps("met", "invalid", "invalid", "met", "met", "met")
    bracket = read_trials(SETTINGS, trials)
    assert math.isinf(bracket.missed_per_s)
    assert math.isinf(bracket.high_per_s)
    assert bracket.ceiling_per_s == 150
    assert isinstance(step, SearchEnd)
    assert not step.complete
    assert step.why == "not measured beyond 130.8/s: the bench itself failed at 150/s"


def test_an_undecided_trial_is_repeated_longer_and_then_bounds_the_search() -> None:
    trials, step = search_steps("met", "undecided", "undecided", "undecided")
    assert [each.load_s for each in trials[1:]] == [8, 16, 32]
    assert {each.rate_per_s for each in trials[1:]} == {150}
    assert read_trials(SETTINGS, trials).search_end_per_s == 150
    assert read_trials(SETTINGS, trials).high_per_s == math.inf
    # A clear overload above it shows the throughput. If it decides nothing, the search continues below.
    assert step == NextTrial(262.5, 8.0)
    trials.append(result_of(step, "invalid"))
    below = next_step(SETTINGS, trials)
    assert isinstance(below, NextTrial) and 50 < below.rate_per_s < 150


def test_a_rate_missed_only_for_delay_gives_no_bound_of_throughput() -> None:
    step = NextTrial(300.0, 8.0)
    assert saturation_of(result_of(step, "missed")) is None


def test_low_rates_are_tried_for_long_enough_to_hold_messages() -> None:
    step = next_step(SearchSettings(from_per_s=25, longest_s=60), [])
    assert step == NextTrial(25, 20)
    assert next_step(SearchSettings(from_per_s=1), []) == NextTrial(1, 32)


BRIEF = SearchSettings(
    from_per_s=600, precision=0.25, trial_s=8, longest_s=8, most_trials=4, fewest_messages=500, brief=True
)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rate_per_s", [200, 307, 650, 900, 1_300, 1_800, 3_000])
def test_a_brief_search_has_both_sides_in_four_trials(rate_per_s: float, seed: int) -> None:
    """The bench's: the rate that is met is within a third of the capacity, and something is missed above."""
    trials, _ = search(token_bucket(rate_per_s, 20), BRIEF, seed)
    bracket = read_trials(BRIEF, trials)
    assert len(trials) <= 4
    assert rate_per_s / 1.7 <= bracket.met_per_s <= 1.03 * rate_per_s
    assert math.isfinite(bracket.missed_per_s)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rate_per_s", [300, 1_000])
def test_a_brief_search_of_a_target_that_varies(rate_per_s: float, seed: int) -> None:
    trials, _ = search(noisy(rate_per_s, 0.1), BRIEF, seed)
    assert read_trials(BRIEF, trials).met_per_s >= rate_per_s / 2


def test_after_an_undecided_first_rate_the_search_stays_near_it() -> None:
    """800/s undecided says nothing about 80/s: a search that continued there found too little."""
    _, step = search_steps("undecided", settings=BRIEF)
    assert isinstance(step, NextTrial) and step.rate_per_s == 480
    # Then above it, where a bottleneck certainly shows.
    _, step = search_steps("undecided", "met", settings=BRIEF)
    assert isinstance(step, NextTrial) and step.rate_per_s == 1_050
    trials, step = search_steps("undecided", "met", "missed", settings=BRIEF)
    bracket = read_trials(BRIEF, trials)
    assert (bracket.met_per_s, bracket.missed_per_s, bracket.ceiling_per_s) == (480, 1_050, 600)
    assert step == SearchEnd(False, "600/s stayed undecided")


@pytest.mark.parametrize("verdict", ["undecided", "invalid"])
def test_above_an_undecided_rate_is_tried_once(verdict: str) -> None:
    trials, step = search_steps("undecided", "met", verdict, settings=BRIEF)
    assert step == SearchEnd(False, "600/s stayed undecided")
    assert math.isinf(read_trials(BRIEF, trials).missed_per_s)


def test_a_rate_met_above_an_undecided_one_counts() -> None:
    trials, step = search_steps("undecided", "met", "met", settings=BRIEF)
    assert read_trials(BRIEF, trials).met_per_s == 1_050
    assert isinstance(step, NextTrial) and step.rate_per_s > 1_050


def test_a_brief_search_that_missed_its_first_rate_continues_clearly_below_the_throughput() -> None:
    """On a slow machine 5,000/s were missed with 4,355/s, then 3,811/s with 2,961/s: no rate was found."""
    missed, _ = search(token_bucket(450, 20), BRIEF, 1)
    assert missed[0].verdict == "missed"
    assert missed[1].verdict == "met" and missed[1].rate_per_s == pytest.approx(0.6 * 450, rel=0.05)


@pytest.mark.parametrize(("rate_per_s", "tried"), [(3_500, [5_000, 3_000]), (1_500, [5_000, 3_000, 1_080])])
def test_a_brief_search_of_a_target_with_a_limit_of_delay_continues_clearly_below_it(
    rate_per_s: float, tried: list[float]
) -> None:
    """5,000/s were missed for a delay, and the search went down to 500/s. So it ended at 1,581/s."""
    bench = replace(BRIEF, from_per_s=5_000, to_per_s=50_000, most_trials=3)
    trials, _ = search(slow_above(rate_per_s), bench, 1)
    assert [each.rate_per_s for each in trials][: len(tried)] == pytest.approx(tried, rel=0.05)
    bracket = read_trials(bench, trials)
    assert rate_per_s / 1.7 < bracket.met_per_s <= rate_per_s < bracket.missed_per_s < 2.2 * rate_per_s


def test_a_brief_search_does_not_overshoot_so_far_that_the_bench_fails() -> None:
    """1,800/s were met, 5,000/s made the generator late: the bottleneck is unknown."""
    trials, step = search_steps("met", "met", settings=BRIEF)
    assert [each.rate_per_s for each in trials] == [600, 1_200]
    assert isinstance(step, NextTrial) and step.rate_per_s == 2_400


def test_a_brief_search_continues_below_a_rate_at_which_the_bench_failed() -> None:
    _, step = search_steps("invalid", settings=BRIEF)
    assert isinstance(step, NextTrial) and step.rate_per_s == 200
    _, step = search_steps("invalid", "met", settings=BRIEF)
    assert isinstance(step, NextTrial) and 200 < step.rate_per_s < 600


@given(
    verdicts=st.lists(st.sampled_from(["met", "missed", "undecided", "invalid"]), min_size=12, max_size=12)
)
def test_any_verdicts_end_a_brief_search(verdicts: list[str]) -> None:
    trials: list[TrialResult] = []
    while isinstance(step := next_step(BRIEF, trials), NextTrial):
        assert 0 < step.rate_per_s <= BRIEF.to_per_s
        trials.append(result_of(step, verdicts[len(trials)]))
    bracket = read_trials(BRIEF, trials)
    assert len(trials) <= BRIEF.most_trials
    assert bracket.met_per_s < bracket.search_end_per_s
