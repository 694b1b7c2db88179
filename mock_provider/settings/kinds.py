"""Checks that a value has its key's type: a number is not a text or a boolean, nor the reverse.

Pydantic would read ``"5"`` and ``true`` as numbers, and ``"yes"`` or ``1`` as true. Its strict mode refuses a
list for a tuple and a text for an enum, so it cannot read values from TOML and JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, Literal, get_args, get_origin

_NUMBERS = frozenset((int, float))


class Misfit:
    """Replaces a value of a wrong type, so that pydantic reports it together with all other errors."""

    def __init__(self, value: object, words: str) -> None:
        self.value = value
        self.words = words


def with_misfits(values: Mapping[str, Any], annotations: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a table. A value of a wrong type is replaced by a ``Misfit``."""
    checked = dict(values)
    for name, value in values.items():
        if words := misfit(value, annotations.get(name, Any)):
            checked[name] = Misfit(value, words)
    return checked


def misfit(value: Any, annotation: Any) -> str:
    """The error in the type of a key's value, or of a value in its lists. "": no error."""
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
    """The allowed types of all values within; None: any type."""
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
