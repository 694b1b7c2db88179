"""The first storm that a bug makes fail."""

from __future__ import annotations

from loadtests.storm.outcome import storm
from loadtests.storm.plan import draw_plan

MOST_SEEDS = 1_000
MOST_MESSAGES = 12  # that a planted bug needs to be seen


def first_failure(invariants: frozenset[str]) -> tuple[int, frozenset[str]]:
    """The first seed that violates one of ``invariants``, and which it does."""
    for seed in range(1, 1 + MOST_SEEDS):
        found = storm(draw_plan(seed)).invariants & invariants
        if found:
            return seed, found
    raise AssertionError(f"no storm of {MOST_SEEDS} finds it")
