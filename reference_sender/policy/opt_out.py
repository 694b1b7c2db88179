"""Recipients who refuse messages of some classes."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from reference_sender.dispatch.values import Lane


class OptOut(Struct, frozen=True, gc=False):
    """A number on the opt-out list, digits only, and since when."""

    number: str
    since_ns: int


class OptOutNumbers:
    """The list in memory. It refuses messages of ``classes``."""

    def __init__(self, classes: Iterable[Lane], numbers: Iterable[str] = ()) -> None:
        self._classes = frozenset(classes)
        self._numbers = set(numbers)

    def refuse(self, number: str, lane: Lane) -> bool:
        """Whether ``number`` gets no messages of ``lane``."""
        return number in self._numbers and lane in self._classes

    def add(self, number: str) -> None:
        """``number`` opted out."""
        self._numbers.add(number)

    def remove(self, number: str) -> None:
        """``number`` accepts messages again."""
        self._numbers.discard(number)
