"""A smaller storm that fails in the same way: delta debugging over faults, calls and messages.

Some of them are left out as long as the storm violates the same invariant (Zeller and Hildebrandt,
Simplifying and Isolating Failure-Inducing Input, 2002: algorithm ddmin). Whole calls are tried first, then
the single messages of those that are left. Draws do not depend on what is left out (``draws.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from loadtests.storm.outcome import storm
from loadtests.storm.plan import StormPart, StormPlan, kept

_T = TypeVar("_T")
_MOST_TRIES = 600


def shrunken(plan: StormPlan, invariants: frozenset[str]) -> StormPart:
    """The messages and faults that suffice to violate one of ``invariants``."""
    search = _Search(plan, invariants)
    while True:
        before = len(search.messages) + len(search.faults)
        search.leave_out_faults()
        search.leave_out_calls()
        search.leave_out_messages()
        if len(search.messages) + len(search.faults) == before:
            return search.part


class _Search:
    """``messages`` and ``faults`` are what is left."""

    def __init__(self, plan: StormPlan, invariants: frozenset[str]) -> None:
        self._plan = plan
        self._invariants = invariants
        self._tries = 0
        self.messages = plan.keys
        self.faults = list(range(len(plan.faults)))

    @property
    def part(self) -> StormPart:
        """What is left, as a part of the plan."""
        return _part(self.messages, self.faults)

    def leave_out_faults(self) -> None:
        """Leave out as many faults as possible."""
        messages = self.messages
        self.faults = smallest(self.faults, lambda faults: self._fails(_part(messages, faults)))

    def leave_out_calls(self) -> None:
        """Leave out as many whole calls as possible."""
        calls = [call.keys for call in kept(self._plan, self.part).calls]
        faults = self.faults
        left = smallest(calls, lambda some: self._fails(_part(_all(some), faults)))
        self.messages = _all(left)

    def leave_out_messages(self) -> None:
        """Leave out as many messages as possible."""
        faults = self.faults
        self.messages = smallest(self.messages, lambda keys: self._fails(_part(keys, faults)))

    def _fails(self, part: StormPart) -> bool:
        self._tries += 1
        if self._tries > _MOST_TRIES:
            return False
        return not self._invariants.isdisjoint(storm(kept(self._plan, part)).invariants)


def _part(messages: list[str], faults: list[int]) -> StormPart:
    return StormPart(messages=tuple(messages), faults=tuple(faults))


def _all(calls: list[list[str]]) -> list[str]:
    return [key for keys in calls for key in keys]


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
