"""A percentile with its interval, a curve of them, and how many messages it needs."""

from __future__ import annotations

import math
from typing import Literal

from msgspec import Struct

CONFIDENCE = 0.95
QuantileState = Literal["exact", "at_least", "never", "withheld"]


class Quantile(Struct, frozen=True):
    """``value_s`` is set unless withheld. ``low_s`` and ``high_s`` are the ends of its 95 % interval."""

    percentile: float
    state: QuantileState
    value_s: float | None
    low_s: float | None
    high_s: float | None
    needed: int  # messages that this percentile needs


class Curve(Struct, frozen=True):
    """A percentile curve with its band, up to the highest percentile with an interval."""

    percentiles: tuple[float, ...]
    value_s: tuple[float, ...]
    low_s: tuple[float, ...]
    high_s: tuple[float, ...]


def needed(percentile: float, evidence: float = 1.0) -> int:
    """Smallest sample with an interval of two finite ends: 72 for p95, 368 for p99, 3,688 for p99.9."""
    tail = (1.0 - CONFIDENCE) / 2
    p = percentile / 100.0
    return math.ceil(math.ceil(math.log(tail) / math.log(max(p, 1.0 - p))) / evidence)


def independent_of(count: int, found: Quantile) -> float | None:
    """The number of independent messages that ``count`` messages count as, if they are fewer; else None."""
    alone = needed(found.percentile)
    return count * alone / found.needed if count and found.needed > alone else None
