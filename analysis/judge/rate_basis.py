"""How many messages a measured rate is based on."""

from __future__ import annotations

from analysis.model import BestRate

FEWEST = 20  # messages in a window; with fewer, a single message changes the rate by over 5 %


def too_few(rate: BestRate | None) -> bool:
    """Whether its window has too few messages for a rate."""
    return rate is not None and counted_in(rate) < FEWEST


def counted_in(rate: BestRate) -> int:
    """The number of messages in its window."""
    return round(rate.per_s * rate.window_s)
