"""Arrival processes: rows with the sum beside each, and the shape of what is random."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from loadtests.arrivals import (
    NS_PER_S,
    Burst,
    Constant,
    DayCurve,
    Mix,
    Plan,
    Poisson,
    RateStep,
    Schedule,
    Steps,
    Stream,
    arrival_count,
    instants_ns,
    mean_rate_per_s,
    peak_rate_per_s,
    peak_window,
)


def test_instants_of_even_processes() -> None:
    # 3/s: one every 333,333,333.3 ns, each cut from its own exact value.
    assert instants_ns(Constant(3.0, 2.0), 0).tolist() == [
        0,
        333_333_333,
        666_666_666,
        1_000_000_000,
        1_333_333_333,
        1_666_666_666,
    ]
    # 0.1/s over 25 s: at 0, 10 and 20 s.
    assert instants_ns(Constant(0.1, 25.0), 0).tolist() == [0, 10 * NS_PER_S, 20 * NS_PER_S]
    # 4 in 2 s: every half second.
    assert instants_ns(Burst(4, 2.0), 0).tolist() == [0, 500_000_000, 1_000_000_000, 1_500_000_000]
    # 2/s for 1.25 s have 2.5 arrivals; the third is due when half of it is still to come, 0.5 / 1 s into the
    # second step, whose arrivals then follow a second apart.
    steps = Steps((RateStep(2.0, 1.25), RateStep(1.0, 3.0)))
    assert instants_ns(steps, 0).tolist() == [
        0,
        500_000_000,
        1_000_000_000,
        1_750_000_000,
        2_750_000_000,
        3_750_000_000,
    ]


def test_a_long_run_at_an_awkward_rate_ends_where_it_should() -> None:
    instants = instants_ns(Constant(1736.111, 600.0), 0)
    last = len(instants) - 1
    assert instants[-1] == last * NS_PER_S * 1000 // 1_736_111


def test_poisson_gaps_are_exponential() -> None:
    gaps_s = np.diff(instants_ns(Poisson(50.0, 400.0), 20_261_122)) / NS_PER_S
    assert stats.kstest(gaps_s, "expon", args=(0, 1 / 50.0)).pvalue > 0.01
    assert abs(float(np.corrcoef(gaps_s[:-1], gaps_s[1:])[0, 1])) < 0.03


def test_poisson_counts_per_second_have_the_mean_for_variance() -> None:
    seconds = instants_ns(Poisson(50.0, 400.0), 7) // NS_PER_S
    counts = np.bincount(seconds, minlength=400)
    assert 0.8 < counts.var() / counts.mean() < 1.2


def test_a_days_arrivals_follow_its_hours() -> None:
    day = DayCurve(500_000, speedup=288.0)
    assert arrival_count(day) == 500_000
    assert mean_rate_per_s(day) == pytest.approx(1_666.67, abs=0.01)  # 500,000 in 300 s
    # The peak hour has its weight's share of the messages in 3,600 s, 288 times as dense.
    share = 9.0 / sum(day.hourly_weights)
    assert peak_rate_per_s(day) == pytest.approx(500_000 * share / 3_600 * 288)
    hour = instants_ns(day, 1) // (300 * NS_PER_S // 24)
    found = np.bincount(hour, minlength=24)
    expected = np.array(day.hourly_weights) / sum(day.hourly_weights) * 500_000
    assert stats.chisquare(found, expected).pvalue > 0.01


def test_the_peak_slice_has_the_rate_of_the_peak() -> None:
    slice_s = peak_window(500_000, 60.0)
    assert (slice_s.window_start_s, slice_s.window_s) == (10.5 * 3600 - 30, 60.0)
    assert arrival_count(slice_s) == round(peak_rate_per_s(slice_s) * 60)
    # A slice of two hours reaches beyond the peak hour, into slower ones.
    assert mean_rate_per_s(peak_window(500_000, 7_200.0)) < peak_rate_per_s(peak_window(500_000, 7_200.0))
    # At a low level there is still something to see.
    assert arrival_count(peak_window(5_000, 1.0)) == 1
    with pytest.raises(ValueError, match="at most 86400 s"):
        peak_window(5_000, 600.0, 288.0)


def test_streams_merge_in_time_each_with_its_own_mix() -> None:
    plan = Plan(
        streams=(
            Stream(Constant(1.0, 4.0), mix=Mix(otp=1.0)),
            Stream(Burst(2, 1.0), mix=Mix(marketing=1.0), campaign="spring", start_s=1.25),
        ),
        seed=1,
        key_tag="t",
    )
    schedule = Schedule(plan)
    seen = [
        (at / NS_PER_S, schedule.message(slot).message_class, schedule.message(slot).campaign)
        for slot, at in enumerate(schedule.intended_ns.tolist())
    ]
    assert seen == [
        (0.0, "otp", ""),
        (1.0, "otp", ""),
        (1.25, "marketing", "spring"),
        (1.75, "marketing", "spring"),
        (2.0, "otp", ""),
        (3.0, "otp", ""),
    ]
    assert plan.duration_ns() == 4 * NS_PER_S


def test_texts_are_of_both_alphabets() -> None:
    plan = Plan(streams=(Stream(Constant(1_000.0, 1.0)),), seed=3, key_tag="t")
    schedule = Schedule(plan)
    texts = [schedule.message(slot).text for slot in range(1_000)]
    polish = sum(any(letter in text for letter in "ąćęłńśźżŁ") for text in texts)
    assert 0.15 < polish / 1_000 < 0.35
