"""A smaller storm that fails in the same way: delta debugging over faults and calls. A call is
left out as a whole, with all its messages.

A part of the faults or calls is left out as long as the storm violates the same invariant (Zeller and
Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002: algorithm ddmin). Draws do not depend on
what is left out (``draws.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from loadtests.storm.outcome import StormOutcome, storm
from loadtests.storm.plan import StormPlan, kept

_T = TypeVar("_T")
_Fails = Callable[[Sequence[int], Sequence[int]], bool]
_MOST_TRIES = 300


def shrunken(plan: StormPlan, invariants: frozenset[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Numbers of the calls, and places of the faults, that suffice to violate one of ``invariants``."""
    tries = _MOST_TRIES

    def fails(calls: Sequence[int], faults: Sequence[int]) -> bool:
        nonlocal tries
        tries -= 1
        if tries < 0:
            return False
        outcome: StormOutcome = storm(kept(plan, tuple(calls), tuple(faults)))
        return not invariants.isdisjoint(outcome.invariants)

    calls = [call.number for call in plan.calls]
    faults = list(range(len(plan.faults)))
    while True:
        before = len(calls) + len(faults)
        faults = smallest(faults, partial(fails, calls))
        calls = smallest(calls, partial(_swapped, fails, faults))
        if len(calls) + len(faults) == before:
            return tuple(calls), tuple(faults)


def _swapped(fails: _Fails, faults: Sequence[int], calls: Sequence[int]) -> bool:
    return fails(calls, faults)


def smallest(items: list[_T], fails: Callable[[list[_T]], bool]) -> list[_T]:
    """A part of ``items`` that still fails, and of which no single item can be left out (ddmin)."""
    pieces = 2
    while items:
        size = -(-len(items) // pieces)
        for start in range(0, len(items), size):
            rest = items[:start] + items[start + size :]
            if fails(rest):
                items = rest
                pieces = max(2, pieces - 1)
                break
        else:
            if size == 1:
                return items
            pieces = min(len(items), 2 * pieces)
    return items
