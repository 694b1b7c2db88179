"""The first storm that a bug makes fail."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest

from loadtests.storm.outcome import StormOutcome, storm
from loadtests.storm.plan import draw_plan, kept
from loadtests.storm.shrink import shrunken

MOST_SEEDS = 1_000
MOST_MESSAGES = 12  # that a planted bug needs to be seen
BACKLOG = 40  # and if it takes more than a limit allows at once: the most that a burst has

Bug = Callable[[pytest.MonkeyPatch], None]


def first_failure(invariants: frozenset[str]) -> tuple[int, frozenset[str]]:
    """The first seed that violates one of ``invariants``, and which it does."""
    for seed in range(1, 1 + MOST_SEEDS):
        found = storm(draw_plan(seed)).invariants & invariants
        if found:
            return seed, found
    raise AssertionError(f"no storm of {MOST_SEEDS} finds it")


def found_and_reduced(
    bug: Bug, invariants: Collection[str], monkeypatch: pytest.MonkeyPatch, most_messages: int = MOST_MESSAGES
) -> StormOutcome:
    """The smallest storm that finds ``bug``. It has few messages, and without the bug it does not fail."""
    with monkeypatch.context() as patch:
        bug(patch)
        seed, found = first_failure(frozenset(invariants))
        plan = draw_plan(seed)
        smaller = kept(plan, shrunken(plan, found))
        outcome = storm(smaller)
        assert outcome.invariants & found
        assert smaller.messages <= most_messages
    assert not storm(smaller).failed  # the bug fails, not the storm
    return outcome
