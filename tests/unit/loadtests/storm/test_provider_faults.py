"""The storms have every fault of the provider's engine."""

from __future__ import annotations

from collections import Counter
from random import Random

from loadtests.storm.fault import DrawRange
from loadtests.storm.faults.provider_fault import ProviderFault
from loadtests.storm.outcome import storm
from loadtests.storm.plan import draw_plan
from mock_provider.engine.faults import FAULT_KINDS

NAMES = ProviderFault.names
FIRST_SEEDS = range(1, 601)


def test_every_kind_of_the_registry_can_be_drawn() -> None:
    drawn = [ProviderFault.next_of(seed, Random(seed), DrawRange(20.0, ("a",))) for seed in range(len(NAMES))]
    assert {each.what for each in drawn} == set(NAMES)
    assert {each.kind for each in drawn} == set(FAULT_KINDS)


def test_every_kind_is_drawn_many_times_in_the_first_storms() -> None:
    drawn = Counter(
        each.what
        for seed in FIRST_SEEDS
        for each in draw_plan(seed).faults
        if isinstance(each, ProviderFault)
    )
    few = {name: drawn[name] for name in NAMES if drawn[name] < len(FIRST_SEEDS) // len(NAMES)}
    assert not few


def test_every_kind_takes_effect_in_the_first_storms() -> None:
    """A storm whose faults have all taken effect before is left out, so few of the 600 run."""
    missing = set(NAMES)
    for seed in FIRST_SEEDS:
        plan = draw_plan(seed)
        if missing.isdisjoint(each.what for each in plan.faults if isinstance(each, ProviderFault)):
            continue
        outcome = storm(plan)
        assert not outcome.failed, f"smsbench storm --seeds 1 --seed {seed}"
        missing -= outcome.occurrences.keys()
    assert not missing
