"""Whether a value is of the kind that a key takes: no text or truth value for a number, no number for either.

Pydantic would read ``"5"`` and ``true`` as numbers, and ``"yes"`` or ``1`` as true. Its strict mode takes no
list for a tuple and no text for an enum, so it cannot read what TOML and JSON give.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, Literal, get_args, get_origin

_NUMBERS = frozenset((int, float))


class Misfit:
    """Replaces a value of another kind, so that pydantic reports it together with all other errors."""

    def __init__(self, value: object, words: str) -> None:
        self.value = value
        self.words = words


def with_misfits(values: Mapping[str, Any], annotations: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a table, those of another kind than their key's replaced by a ``Misfit``."""
    checked = dict(values)
    for name, value in values.items():
        if words := misfit(value, annotations.get(name, Any)):
            checked[name] = Misfit(value, words)
    return checked


def misfit(value: Any, annotation: Any) -> str:
    """What is wrong with the kind of a key's value, or of one in its lists; "" where nothing is."""
    kinds = _kinds(annotation)
    if kinds is None:
        return ""
    if isinstance(value, list | tuple):
        return next((words for each in value if (words := misfit(each, annotation))), "")
    if isinstance(value, bool):
        return "" if bool in kinds or not kinds & _NUMBERS else "must be a number, not true or false"
    if isinstance(value, str) and str not in kinds:
        if kinds & _NUMBERS:
            return "must be a number, without quotation marks"
        return "must be true or false, without quotation marks" if bool in kinds else ""
    if isinstance(value, int | float) and bool in kinds and not kinds & _NUMBERS:
        return "must be true or false"
    return ""


@cache
def _kinds(annotation: Any) -> frozenset[type] | None:
    """The types of all values within; None: anything goes."""
    if annotation is Any:
        return None
    if get_origin(annotation) is Literal:
        return frozenset(type(each) for each in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return frozenset((str,))
    annotated = getattr(annotation, "__metadata__", None) is not None
    arguments = (annotation.__origin__,) if annotated else get_args(annotation)
    if not arguments:
        return frozenset((annotation,)) if isinstance(annotation, type) else frozenset()
    found: frozenset[type] = frozenset()
    for each in arguments:
        kinds = _kinds(each)
        if kinds is None:
            return None
        found |= kinds
    return found
