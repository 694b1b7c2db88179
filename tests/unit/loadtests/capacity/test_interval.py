"""How often the interval of a search contains the capacity of a simulated target."""

from __future__ import annotations

import math

import pytest
from simulated_targets import search, servers, token_bucket

from loadtests.capacity.bracket import MOST_TRIALS, SearchSettings, read_trials
from loadtests.capacity.result import Searched, capacity_result, upper_end_per_s

SETTINGS = SearchSettings()


@pytest.mark.parametrize(
    ("count", "each_per_s"), [(1, 100.0), (4, 75.0), (8, 125.0)], ids=["M/M/1", "M/M/4", "M/M/8"]
)
def test_the_interval_holds_the_capacity_of_servers_with_random_times(count: int, each_per_s: float) -> None:
    """One trial of 8 s decides by chance: the bracket of the trials alone holds it less often. Before the
    highest met rate was confirmed it held it in 13, 19 and 30 of 40.
    """
    true_per_s, runs = count * each_per_s, 40
    searched = Searched(profile="servers", target="simulated", objectives=(), ended="")
    held = bracketed = 0
    for seed in range(runs):
        trials, _ = search(servers(count, each_per_s), SETTINGS, 1_000 * seed + 7, limit_s=math.inf)
        assert len(trials) <= MOST_TRIALS
        found, bracket = capacity_result(SETTINGS, trials, searched), read_trials(SETTINGS, trials)
        assert found.high_per_s is not None
        held += found.low_per_s <= true_per_s <= found.high_per_s
        bracketed += bracket.met_per_s <= true_per_s <= upper_end_per_s(SETTINGS, bracket)
    assert held >= 0.85 * runs, held
    assert bracketed < held - 0.1 * runs, bracketed


def test_the_interval_of_a_server_with_fixed_times_is_as_narrow_as_asked() -> None:
    searched = Searched(profile="bucket", target="simulated", objectives=(), ended="")
    for seed in range(10):
        trials, _ = search(token_bucket(300.0, 1.0), SETTINGS, 1_000 * seed + 7, limit_s=math.inf)
        found = capacity_result(SETTINGS, trials, searched)
        assert found.low_per_s <= 300.0 <= (found.high_per_s or 0.0) <= 306.0
        assert found.precision_missed is None
