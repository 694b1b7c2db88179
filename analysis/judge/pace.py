"""How many messages a rate rests on."""

from __future__ import annotations

from analysis.model import Pace

FEWEST = 20  # messages in a window; of fewer, one more or less changes the rate by over 5 %


def too_few(pace: Pace | None) -> bool:
    """Does its window hold too few messages for a rate?"""
    return pace is not None and counted_in(pace) < FEWEST


def counted_in(pace: Pace) -> int:
    """The messages of its window."""
    return round(pace.per_s * pace.window_s)
