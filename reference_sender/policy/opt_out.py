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
        self.numbers = set(numbers)  # only to be read by others

    def refuse(self, number: str, lane: Lane) -> bool:
        """Whether ``number`` gets no messages of ``lane``."""
        return number in self.numbers and lane in self._classes

    def add(self, number: str) -> None:
        """``number`` opted out."""
        self.numbers.add(number)

    def remove(self, number: str) -> None:
        """``number`` accepts messages again."""
        self.numbers.discard(number)
