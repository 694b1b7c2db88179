"""The faults of a settings file or of options as text: which key is wrong, and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from user_input.plain_errors import in_our_words


def faults_of(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """Each wrong key and what is wrong with it. With ``model`` an unknown key comes with the known ones."""
    faults = []
    for each in error.errors():
        path = tuple(map(str, each["loc"]))
        what = in_our_words(each["msg"])
        if each["type"] == "extra_forbidden":
            known = _known_keys(model, path[:-1])
            what = f"unknown key; known here: {', '.join(known)}" if known else "unknown key"
        elif each["type"] == "missing":
            what = "missing"
        faults.append(": ".join(filter(None, (".".join(path), what))))
    return "; ".join(faults)


def boolean_faults(given: Mapping[str, Any], read: Any, place: str = "") -> str:
    """The keys of ``given`` that have true or false where ``read``, what pydantic made of it, has a number: it
    reads true as 1. "": there are none.
    """
    faults = []
    for name, value in given.items():
        became = read.get(name) if isinstance(read, Mapping) else getattr(read, name, None)
        if isinstance(value, bool) and not isinstance(became, bool):
            faults.append(f"{place}{name}: must be a number")
        elif isinstance(value, Mapping):
            faults.append(boolean_faults(value, became, f"{place}{name}."))
    return "; ".join(filter(None, faults))


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
