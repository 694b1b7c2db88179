"""Which objectives a load can judge: those for all messages, and those for the classes that it has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.objectives.grammar import parse
from loadtests.arrivals import CLASSES, Mix
from loadtests.scenario import Scenario


def classes_of(mixes: Iterable[Mix]) -> tuple[str, ...]:
    """The classes of which a load with these mixes has messages."""
    every = tuple(mixes)
    return tuple(name for name in CLASSES if any(getattr(mix, name) > 0 for mix in every))


def classes_of_scenario(scenario: Scenario) -> tuple[str, ...]:
    return classes_of(stream.mix for part in scenario.parts for stream in part.streams)


def applicable(objectives: Iterable[str], classes: Sequence[str]) -> tuple[str, ...]:
    """Without those for classes that the load does not have."""
    absent = set(CLASSES).difference(classes)
    return tuple(each for each in objectives if parse(each).message_class not in absent)


def absent_text(objectives: Sequence[str], classes: Sequence[str]) -> str:
    """Which objectives cannot be judged and why; "" if the load has the classes of all of them."""
    judged = applicable(objectives, classes)
    left = [each for each in objectives if each not in judged]
    if not left:
        return ""
    absent = dict.fromkeys(parse(each).message_class for each in left)
    return (
        f"{', '.join(left)}: no message of this load is of class {' or '.join(absent)}; "
        f"its classes are {', '.join(classes)}"
    )
