"""Money is counted in millionths of a point, so that sums are exact."""

from __future__ import annotations

MICRO = 1_000_000  # in a point
