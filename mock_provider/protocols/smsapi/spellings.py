"""How clients write a list in a form: ``a=1&a=2``, ``a[]=1&a[]=2`` or ``a[0]=1&a[1]=2``, as PHP does."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mock_provider.protocols.smsapi.field_names import KNOWN, SEPARATORS

Fields = dict[str, str | list[str]]

_SPELLED = re.compile(r"([^\[\]]+)(?:\[([0-9]{0,6})\])?")
_SHOWN = 40  # characters of a name
_Values = dict[str, list[tuple[int | None, str]]]


class UnreadableFieldError(Exception):
    """A known field has a form that cannot be read; the text names the field."""


def spelled_out(pairs: Iterable[tuple[str, str]]) -> Fields:
    """Names and values of a form as fields. A field that takes several values becomes a list if the form
    has a list.

    Of an unknown field only the name is kept.
    Raises ``UnreadableFieldError``.
    """
    plain: dict[str, list[str]] = {}
    indexed: _Values = {}
    unknown: Fields = {}
    for name, value in pairs:
        if not name:
            continue
        base = name.partition("[")[0].rstrip("]")
        if base not in KNOWN:
            unknown[base or name] = value
            continue
        found = _SPELLED.fullmatch(name)
        if found is None:
            raise UnreadableFieldError(
                f"{name[:_SHOWN]}: a list is written {base}[]=… or {base}[0]=…&{base}[1]=…"
            )
        index = found.group(2)
        if index is None:
            plain.setdefault(base, []).append(value)
        else:
            indexed.setdefault(base, []).append((int(index) if index else None, value))
    fields: Fields = unknown
    for name, values in plain.items():
        if name in indexed:
            raise UnreadableFieldError(f"{name}: it comes both as one value and as a list")
        fields[name] = values[0] if len(values) == 1 else listed(name, values)
    for name, numbered in indexed.items():
        fields[name] = listed(name, _in_order(name, numbered))
    return fields


def listed(name: str, values: list[str]) -> str | list[str]:
    """A list for a known field. Raises ``UnreadableFieldError`` if the field has only one value."""
    if name in SEPARATORS:
        return values
    if len(values) > 1:
        raise UnreadableFieldError(f"{name}: it takes one value, {len(values)} are given")
    return values[0] if values else ""


def _in_order(name: str, numbered: list[tuple[int | None, str]]) -> list[str]:
    """The values in the order of their indices, as PHP numbers lists; gaps are skipped."""
    indices = [index for index, _ in numbered if index is not None]
    if not indices:
        return [value for _, value in numbered]
    if len(indices) != len(numbered):
        raise UnreadableFieldError(f"{name}: some of its values have an index and some have none")
    if len(set(indices)) != len(indices):
        raise UnreadableFieldError(f"{name}: an index occurs twice")
    return [value for _, value in sorted(numbered, key=lambda each: each[0] or 0)]
