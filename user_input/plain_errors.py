"""Pydantic's errors in plain English, for settings files and options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

# Words of pydantic's messages, and ours.
_OUR_WORDS = (
    (r"^(Input|String|List|Tuple) should ", "must "),
    (r"greater than or equal to", "at least"),
    (r"less than or equal to", "at most"),
    (r"greater than", "more than"),
    (r" after validation, not \d+$|, unable to .*|, got .*", ""),
    (r"a valid (dictionary|dict).*", "a table of keys"),
    (r"a valid (list|tuple)", "a list"),
    (r"a valid boolean", "true or false"),
    (r"a valid integer", "a whole number"),
    (r"a valid (number|string)", r"a \1"),
)


def plain_message(message: str) -> str:
    """A message of pydantic: what is allowed, without words of Python."""
    own = message.removeprefix("Value error, ")
    if own != message:
        return own
    for theirs, ours in _OUR_WORDS:
        message = re.sub(theirs, ours, message)
    return message


def settings_errors(
    error: ValidationError, model: type[BaseModel] | None = None, words: Mapping[str, str] | None = None
) -> list[str]:
    """One text for each wrong key: the key and what is allowed, without its value, which may be a secret.

    With ``model`` an unknown key comes with the known ones. ``words`` replaces messages, by pydantic's type
    of the error.
    """
    texts = []
    for each in error.errors(include_input=False, include_url=False):
        path = tuple(map(str, each["loc"]))
        what = (words or {}).get(each["type"]) or plain_message(each["msg"])
        if each["type"] == "extra_forbidden":
            known = _known_keys(model, path[:-1])
            what = f"unknown key; known here: {', '.join(known)}" if known else "unknown key"
        elif each["type"] == "missing":
            what = "missing"
        # An error of a whole table has no path, and names its keys.
        texts.append(": ".join(filter(None, (".".join(path), what))))
    return texts


def boolean_errors(given: Mapping[str, Any], read: object, place: str = "") -> list[str]:
    """One text for each key of ``given`` that has true or false where ``read``, what pydantic made of it, has
    a number: it reads true as 1.
    """
    texts = []
    for name, value in given.items():
        became = read.get(name) if isinstance(read, Mapping) else getattr(read, name, None)
        if isinstance(value, bool) and not isinstance(became, bool):
            texts.append(f"{place}{name}: must be a number")
        elif isinstance(value, Mapping):
            texts += boolean_errors(value, became, f"{place}{name}.")
    return texts


def _known_keys(model: type[BaseModel] | None, path: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of the table at ``path``; none if the table is not found."""
    table = model
    for step in path:
        # A step without a field is a free key, such as a route's name: its table is the one found before.
        if table is not None and step in table.model_fields:
            table = _model(table.model_fields[step].annotation)
    return tuple(table.model_fields) if table is not None else ()


def _model(annotation: Any) -> type[BaseModel] | None:
    """The first model in a type: its own, or that of an argument (``X | None``, ``dict[str, X]``)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model, get_args(annotation))), None)
