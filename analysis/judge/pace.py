"""How many messages a measured rate is based on."""

from __future__ import annotations

from analysis.model import Pace

FEWEST = 20  # messages in a window; with fewer, a single message changes the rate by over 5 %


def too_few(pace: Pace | None) -> bool:
    """Whether its window has too few messages for a rate."""
    return pace is not None and counted_in(pace) < FEWEST


def counted_in(pace: Pace) -> int:
    """The number of messages in its window."""
    return round(pace.per_s * pace.window_s)
