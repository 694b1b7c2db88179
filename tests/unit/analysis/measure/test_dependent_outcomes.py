"""The interval of a share of messages that fail together, over draws with a known share."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.measure.binomial import clopper_pearson
from analysis.measure.dependence import evidence_of_outcomes

SEED = 20261130
COUNT, DRAWS, FAILING_SHARE, MEAN_LENGTH = 2_000, 300, 0.1, 10


def outages(random: np.random.Generator, count: int) -> Bools:
    """Whether each message is delivered: outages of ten messages on average, a tenth of all."""
    begins = FAILING_SHARE / (1 - FAILING_SHARE) / MEAN_LENGTH
    failing, found = random.random() < FAILING_SHARE, np.ones(count, dtype=np.bool_)
    for place, draw in enumerate(random.random(count)):
        found[place] = not failing
        failing = draw >= 1 / MEAN_LENGTH if failing else draw < begins
    return found


def covered(delivered: Bools, evidence: float, share: float) -> bool:
    low, high = clopper_pearson(int(delivered.sum()), len(delivered), evidence=evidence)
    return low <= share <= high


def test_the_widened_interval_covers_the_share_and_the_plain_one_does_not() -> None:
    """Half of the messages go to a carrier with outages, and they are between those to another one."""
    random = np.random.default_rng(SEED)
    groups = np.arange(COUNT) % 2
    plain, widened = [], []
    for _ in range(DRAWS):
        delivered = random.random(COUNT) < 0.98
        delivered[::2] = outages(random, COUNT // 2)
        share = (0.98 + 1 - FAILING_SHARE) / 2
        plain.append(covered(delivered, 1.0, share))
        widened.append(covered(delivered, evidence_of_outcomes(delivered, groups), share))
    assert np.mean(plain) < 0.75, f"seed {SEED}: {np.mean(plain)}"
    assert np.mean(widened) >= 0.95, f"seed {SEED}: {np.mean(widened)}"


def test_independent_outcomes_keep_the_plain_interval() -> None:
    """Carriers with different shares, too: a message is a draw from the mix of carriers. The correlation of
    independent outcomes is beyond its noise for one carrier in 40.
    """
    random = np.random.default_rng(SEED)
    groups = random.integers(0, 2, COUNT)
    found = []
    for _ in range(DRAWS):
        delivered = random.random(COUNT) < np.where(groups == 0, 0.99, 0.6)
        found.append(evidence_of_outcomes(delivered, groups))
    assert np.mean(np.array(found) == 1.0) >= 0.9, f"seed {SEED}"
    assert min(found) > 0.7, f"seed {SEED}: {min(found)}"


def test_a_share_without_failures_is_not_widened() -> None:
    delivered, groups = np.ones(100, dtype=np.bool_), np.zeros(100, dtype=np.int64)
    assert evidence_of_outcomes(delivered, groups) == 1.0
    assert evidence_of_outcomes(delivered[:0], groups[:0]) == 1.0
