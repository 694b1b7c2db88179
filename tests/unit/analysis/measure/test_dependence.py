"""A sender that stalls now and then: late messages come together, and the noise of the network hides this
from a correlation of neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.arrays import Floats
from analysis.measure.dependence import (
    block_evidence,
    evidence_of,
    evidence_share,
    lag_one_correlation,
)
from analysis.measure.percentiles import known, quantiles

SEED = 20_261_130
RUNS = 150


def delivery_s(
    chance: np.random.Generator, rate_per_s: float, load_s: float, stall_s: float, every_s: float
) -> Floats:
    """Log-normal times of the network. A stall holds each message due in it until its end; stalls begin at
    random, ``every_s`` apart on average (infinite: none)."""
    due_s = np.sort(chance.uniform(0, load_s, round(rate_per_s * load_s)))
    found: Floats = np.exp(chance.normal(1.0, 0.6, len(due_s)))
    for start_s in chance.uniform(-stall_s, load_s, chance.poisson((load_s + stall_s) / every_s)):
        held = (due_s >= start_s) & (due_s < start_s + stall_s)
        found[held] += start_s + stall_s - due_s[held]
    return found


def by_neighbours(times_s: Floats) -> float:
    return evidence_share(len(times_s), lag_one_correlation(times_s))


@pytest.mark.parametrize(
    ("rate_per_s", "load_s", "stall_s", "every_s", "neighbours_at_most"),
    [
        (20.0, 100.0, 4.0, 20.0, 0.85),
        (50.0, 100.0, 4.0, 20.0, 0.75),
        (50.0, 200.0, 5.0, 20.0, 0.55),
        (10.0, 300.0, 8.0, 60.0, 0.60),
    ],
)
def test_the_interval_of_a_sender_that_stalls_holds_the_true_percentile(
    rate_per_s: float, load_s: float, stall_s: float, every_s: float, neighbours_at_most: float
) -> None:
    many = [
        delivery_s(np.random.default_rng([SEED, 1, each]), rate_per_s, load_s, stall_s, every_s)
        for each in range(200)
    ]
    true_s = float(np.quantile(np.concatenate(many), 0.95))
    held = {"neighbours": 0, "both": 0}
    for run in range(RUNS):
        times_s = delivery_s(np.random.default_rng([SEED, 2, run]), rate_per_s, load_s, stall_s, every_s)
        for name, evidence in (("neighbours", by_neighbours(times_s)), ("both", evidence_of(times_s))):
            (found,) = quantiles(known(times_s), (95.0,), evidence)
            low_s = -np.inf if found.low_s is None else found.low_s
            held[name] += bool(low_s <= true_s <= (np.inf if found.high_s is None else found.high_s))
    assert held["neighbours"] <= neighbours_at_most * RUNS, (SEED, held)
    assert held["both"] >= 0.85 * RUNS, (SEED, held)


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_the_interval_of_one_queue_with_one_server_holds_the_true_percentile(load: float) -> None:
    true_s = -np.log(0.05) / (1.0 - load)  # M/M/1: the time in the system is exponential
    held = 0
    for run in range(RUNS):
        chance = np.random.default_rng([SEED, 4, run])
        gap_s, service_s = chance.exponential(1.0 / load, 2_000), chance.exponential(1.0, 2_000)
        times_s, left_s = np.empty(2_000), 0.0
        for slot in range(2_000):
            left_s = (max(0.0, left_s - gap_s[slot]) if slot else 0.0) + service_s[slot]
            times_s[slot] = left_s
        (found,) = quantiles(known(times_s), (95.0,), evidence_of(times_s))
        low_s = -np.inf if found.low_s is None else found.low_s
        held += bool(low_s <= true_s <= (np.inf if found.high_s is None else found.high_s))
    assert held >= 0.84 * RUNS, (SEED, held)


def test_independent_times_keep_their_evidence() -> None:
    widened = 0
    for run in range(400):
        times_s = delivery_s(np.random.default_rng([SEED, 3, run]), 20.0, 100.0, 0.0, np.inf)
        evidence = block_evidence(times_s)
        widened += evidence < 1.0
        assert evidence > 0.3
    assert widened <= 0.01 * 400, (SEED, widened)


def test_late_messages_in_an_injected_fault_are_not_chance() -> None:
    times_s = delivery_s(np.random.default_rng([SEED, 5]), 50.0, 200.0, 0.0, np.inf)
    times_s[4_000:4_500] += 30.0 * np.random.default_rng([SEED, 6]).random(500)
    assert evidence_of(times_s, 0.0, faults=True) == 1.0
    assert evidence_of(times_s, 0.0) < 0.05


@pytest.mark.parametrize("count", [0, 1, 2, 19, 99, 500])
def test_few_or_equal_times_show_no_dependence(count: int) -> None:
    assert block_evidence(np.ones(count)) == 1.0
    assert block_evidence(np.arange(min(count, 99), dtype=np.float64)) == 1.0


def test_late_messages_in_one_place_count_as_few() -> None:
    """All of them in one block of twenty: the evidence of nineteen messages."""
    times_s = np.where(np.arange(2_000) < 100, 10.0, 1.0) + np.arange(2_000) * 1e-3
    assert 2_000 * block_evidence(times_s) == pytest.approx(19.0, rel=0.01)
