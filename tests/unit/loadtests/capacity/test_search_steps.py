"""Limits next to a step of the search's growth, and just below the upper end, against simulated targets."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from simulated_targets import ModelTarget, collapsing, noisy, search, servers, token_bucket

from loadtests.capacity.bracket import MOST_TRIALS, SearchSettings, read_trials

SEEDS = (1, 2, 3, 4, 5)
GROWTH_STEPS = [30, 90, 270, 810, 2_430]


@pytest.mark.parametrize("burst_s", [0, 0.01, 1, 2])
@pytest.mark.parametrize("share", [0.98, 0.989, 1.0])
@pytest.mark.parametrize("step_per_s", GROWTH_STEPS)
def test_a_limit_next_to_a_step_of_growth_has_both_ends(
    step_per_s: float, share: float, burst_s: float
) -> None:
    """The step itself stays undecided, or is carried by the bucket for as long as a trial can last."""
    settings = SearchSettings(from_per_s=10, to_per_s=6_000)
    rate_per_s = share * step_per_s
    for seed in SEEDS[:3]:
        trials, end = search(token_bucket(rate_per_s, 1 + burst_s * rate_per_s), settings, seed)
        bracket = read_trials(settings, trials)
        assert len(trials) <= MOST_TRIALS
        assert "trials were made" not in end.why
        assert 0.96 * rate_per_s <= bracket.met_per_s <= 1.03 * rate_per_s
        assert 0.97 * rate_per_s <= bracket.high_per_s <= 1.09 * rate_per_s


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("share", [0.98, 0.989, 1.0])
@pytest.mark.parametrize("step_per_s", GROWTH_STEPS[:-1])
@pytest.mark.parametrize(
    "target",
    [
        lambda rate: noisy(rate, 0.03),
        lambda rate: servers(3, rate / 3),
        lambda rate: collapsing(rate, 50, rate / 3),
    ],
    ids=["noisy", "servers", "collapsing"],
)
def test_other_targets_next_to_a_step_of_growth_have_both_ends(
    target: Callable[[float], ModelTarget], step_per_s: float, share: float, seed: int
) -> None:
    settings = SearchSettings(from_per_s=10, to_per_s=6_000)
    trials, _ = search(target(share * step_per_s), settings, seed)
    bracket = read_trials(settings, trials)
    assert len(trials) <= MOST_TRIALS
    assert 0 < bracket.met_per_s < bracket.high_per_s < math.inf


@given(
    rate_per_s=st.floats(3_000, 5_990),
    burst_s=st.floats(0, 2),
    from_per_s=st.floats(10, 400),
    seed=st.integers(0, 1_000),
)
@example(rate_per_s=5_200.0, burst_s=2.0, from_per_s=10.0, seed=5)
@example(rate_per_s=4_589.085, burst_s=2.0, from_per_s=10.0, seed=41)
@example(rate_per_s=5_590.803, burst_s=2.0, from_per_s=10.0, seed=881)
def test_a_limit_just_below_the_upper_end_is_found_if_the_longest_trial_can_show_it(
    rate_per_s: float, burst_s: float, from_per_s: float, seed: int
) -> None:
    """No overload above the upper end is allowed. There a bucket of b tokens passes b / 32 s above its rate
    for the longest trial.
    """
    settings = SearchSettings(from_per_s=from_per_s, to_per_s=6_000)
    trials, _ = search(token_bucket(rate_per_s, 1 + burst_s * rate_per_s), settings, seed)
    bracket = read_trials(settings, trials)
    carried_per_s = 1.03 * rate_per_s + burst_s * rate_per_s / settings.longest_s
    if math.isinf(bracket.high_per_s):
        assert settings.to_per_s <= carried_per_s
        assert bracket.met_per_s <= carried_per_s
    else:
        assert bracket.met_per_s <= 1.03 * rate_per_s
        assert bracket.high_per_s >= 0.97 * rate_per_s
    assert bracket.met_per_s >= 0.97 * rate_per_s
