"""The providers of a simulated sender: one engine, or several with one interface."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from mock_provider.engine import Engine
from mock_provider.engine.faults.history import FaultPeriod
from mock_provider.engine.values import Effect, JournalRow, SendReports, Submit


class SimulatedProvider(Protocol):
    """What the simulation uses of an ``Engine``."""

    @property
    def open_messages(self) -> int: ...

    def submit(self, now_ns: int, submit: Submit) -> Sequence[Effect]: ...

    def reports_answered(self, now_ns: int, batch_id: int, confirmed: bool) -> Sequence[Effect]: ...

    @property
    def next_due(self) -> Callable[[], int | None]: ...

    def advance_to_effects(self, until_ns: int) -> tuple[int, Sequence[Effect]]: ...

    def take_rows(self) -> list[JournalRow]: ...

    def close_rows(self) -> list[JournalRow]: ...

    def forget(self, keys: Iterable[str]) -> None: ...

    def fault_log(self, now_ns: int) -> tuple[FaultPeriod, ...]: ...


class Providers:
    """Several engines. The token of a request says which one it is for."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        self._engines = list(engines.values())
        self._index = {token: index for index, token in enumerate(engines)}
        self._begun: set[int] = set()  # engines that had a request: the others have nothing to do

    @property
    def open_messages(self) -> int:
        """Of all engines."""
        return sum(engine.open_messages for engine in self._engines)

    def submit(self, now_ns: int, submit: Submit) -> list[Effect]:
        """As ``Engine``."""
        index = self._index[submit.token]
        self._begun.add(index)
        return self._named(index, self._engines[index].submit(now_ns, submit))

    def reports_answered(self, now_ns: int, batch_id: int, confirmed: bool) -> list[Effect]:
        """As ``Engine``."""
        number, index = divmod(batch_id, len(self._engines))
        return self._named(index, self._engines[index].reports_answered(now_ns, number, confirmed))

    def next_due(self) -> int | None:
        """As ``Engine``."""
        return min((due_ns for due_ns, _ in self._due()), default=None)

    def advance_to_effects(self, until_ns: int) -> tuple[int, list[Effect]]:
        """As ``Engine``, but it may end before ``until_ns`` without effects: when another engine is next."""
        due = sorted(self._due())
        if not due:
            return until_ns, []
        most_ns = min(until_ns, due[1][0]) if len(due) > 1 else until_ns
        index = due[0][1]
        now_ns, effects = self._engines[index].advance_to_effects(most_ns)
        return now_ns, self._named(index, effects)

    def take_rows(self) -> list[JournalRow]:
        """As ``Engine``."""
        return [row for engine in self._engines for row in engine.take_rows()]

    def close_rows(self) -> list[JournalRow]:
        """As ``Engine``."""
        return [row for engine in self._engines for row in engine.close_rows()]

    def forget(self, keys: Iterable[str]) -> None:
        """As ``Engine``."""
        listed = list(keys)
        for engine in self._engines:
            engine.forget(listed)

    def fault_log(self, now_ns: int) -> tuple[FaultPeriod, ...]:
        """As ``Engine``."""
        return tuple(period for engine in self._engines for period in engine.fault_log(now_ns))

    def _due(self) -> list[tuple[int, int]]:
        found = []
        for index in self._begun:
            due_ns = self._engines[index].next_due()
            if due_ns is not None:
                found.append((due_ns, index))
        return found

    def _named(self, index: int, effects: Iterable[Effect]) -> list[Effect]:
        """Report calls of all engines have different numbers."""
        count = len(self._engines)
        return [
            replace(effect, batch_id=effect.batch_id * count + index)
            if isinstance(effect, SendReports)
            else effect
            for effect in effects
        ]
