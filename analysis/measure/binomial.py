"""The binomial distribution from ``scipy.special``: importing ``scipy.stats`` takes over a second.

Each trial of a capacity search is analysed in a process of its own, which would cost that second each time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.arrays import Floats

RealNumbers = float | Sequence[float] | NDArray[np.float64] | NDArray[np.int64]


def smallest_reaching(chance: float, count: int, share: RealNumbers) -> Floats:
    """The smallest k with P(B <= k) >= ``chance``, B ~ Bin(``count``, ``share``)."""
    shares = np.asarray(share, dtype=np.float64)
    high = np.ceil(special.bdtrik(chance, count, shares))
    below = np.maximum(high - 1, 0)  # the inverse can be too high by a rounding error
    found: Floats = np.where(special.bdtr(below, count, shares) >= chance, below, high)
    return found


def chance_beyond(hits: RealNumbers, counts: RealNumbers, share: float) -> Floats:
    """P(B > ``hits``), B ~ Bin(``counts``, ``share``), of each."""
    least, most = np.asarray(hits, dtype=np.float64), np.asarray(counts, dtype=np.int64)
    inside = (least >= 0) & (least < most)
    found: Floats = np.where(least < 0, 1.0, 0.0)
    found[inside] = special.bdtrc(least[inside], most[inside], share)
    return found


def clopper_pearson(
    hits: int, count: int, confidence: float = 0.95, evidence: float = 1.0
) -> tuple[float, float]:
    """The exact interval of a share, for ``count`` above 0: it has at least the given coverage.

    ``evidence`` is the share of the messages that count as independent, above 0 and at most 1: the interval
    is that of ``count * evidence`` messages with the same share of hits.
    """
    tail = (1.0 - confidence) / 2
    of = max(count * evidence, 1.0)
    found = of * hits / count if evidence < 1.0 else float(hits)
    low = float(special.betaincinv(found, of - found + 1, tail)) if hits else 0.0
    high = float(special.betaincinv(found + 1, of - found, 1.0 - tail)) if hits < count else 1.0
    return low, high
