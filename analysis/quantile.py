"""A percentile with its interval."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

QuantileState = Literal["exact", "at_least", "never", "withheld"]


class Quantile(Struct, frozen=True):
    """``value_s`` is set unless withheld. ``low_s`` and ``high_s`` are the ends of its 95 % interval."""

    percentile: float
    state: QuantileState
    value_s: float | None
    low_s: float | None
    high_s: float | None
    needed: int  # messages that this percentile needs
