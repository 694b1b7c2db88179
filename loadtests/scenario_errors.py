"""Errors of a scenario's values as text: the field, its value and what is allowed."""

from __future__ import annotations

import ast
import re
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_UNKNOWN_ARGUMENT = re.compile(r"^Unexpected keyword argument '(\w+)'$")
_STEP = re.compile(r"([A-Za-z_]\w*)|\[(\d+)\]")
# Words of msgspec's messages, and plain ones.
_PLAIN_WORDS = (
    (r", got `\w+`$", ""),
    (r"^Expected ", "must be "),
    (r"`(float|int)` > ", r"`\1` above "),
    (r"`(float|int)` >= ", r"`\1` of at least "),
    (r"`array` of length >= (\d+)", r"a tuple with at least \1 value"),
    (r"`str` matching regex .*", "a name of letters, digits and . _ - that begins with a letter or digit"),
    (r"`float`", "a number"),
    (r"`int`", "a whole number"),
    (r"`str`", "a text"),
    (r"`bool`", "True or False"),
    (r"`array`", "a tuple"),
    (r"`object`", "a value of loadtests.arrivals or loadtests.scenario"),
    (r"\b(-?\d+)\.0\b", r"\1"),
)


def error_text(scenario: object, error: Exception) -> str:
    """``parts[0].role: 'plane': must be 'plain' or 'burst'``. ``error`` is msgspec's for ``scenario``."""
    what = str(error)
    found = _PLACE.search(what)
    if found is None:
        return what
    place, what = found[1], what[: found.start()]
    holder: Any = None
    value: Any = scenario
    name = ""
    try:
        for step in _STEP.finditer(place):
            holder, name = value, step[1] or ""
            value = getattr(value, name) if name else value[int(step[2])]
    except (AttributeError, IndexError, TypeError):  # another way than msgspec's
        return f"{place}: {what}"
    choices = _choices(holder, name)
    if choices and what.startswith("Invalid enum"):
        words = f"must be one of {', '.join(map(repr, choices))}"
    else:
        words = what
        for pattern, plain in _PLAIN_WORDS:
            words = re.sub(pattern, plain, words)
    return f"{place}: {_shown(value)}: {words}"


def unknown_argument_text(error: Exception, path: Path) -> str:
    """``Mix has no 'opt'; it has otp, transactional, marketing`` for a call in the file ``path``; "" for any
    other error.
    """
    found = _UNKNOWN_ARGUMENT.search(str(error)) if isinstance(error, TypeError) else None
    frames = [
        each for each in traceback.walk_tb(error.__traceback__) if each[0].f_code.co_filename == str(path)
    ]
    if found is None or not frames:
        return ""
    frame, line = frames[-1]
    names = {**frame.f_globals, **frame.f_locals}
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call) or not call.lineno <= line <= (call.end_lineno or call.lineno):
            continue
        called = _value_of(call.func, names)
        if not (isinstance(called, type) and issubclass(called, msgspec.Struct)):
            continue
        if found[1] in (each.arg for each in call.keywords) and found[1] not in called.__struct_fields__:
            allowed = ", ".join(called.__struct_fields__)
            return f"{called.__name__} has no {found[1]!r}; it has {allowed}"
    return ""


def _value_of(name: ast.expr, names: Mapping[str, Any]) -> Any:
    """The value of ``Mix`` or ``arrivals.Mix``; None if it is another expression or unknown."""
    if isinstance(name, ast.Attribute):
        return getattr(_value_of(name.value, names), name.attr, None)
    return names.get(name.id) if isinstance(name, ast.Name) else None


def _choices(holder: object, name: str) -> tuple[Any, ...]:
    """The values that a field allows by name."""
    if not name or not isinstance(holder, msgspec.Struct):
        return ()
    kind = get_type_hints(type(holder)).get(name)
    return get_args(kind) if get_origin(kind) is Literal else ()


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
