"""The tables of an object and of all that it consists of: where memory can grow."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from typing import Any

from msgspec import Struct

_TABLES = (dict, list, set, deque)
_INNER = "queue"  # a table of an object that is in a table
_OURS = ("reference_sender.", "mock_provider.")


class _Place(Struct, frozen=True):
    """Of a table that is read with ``[]``."""

    key: str | int


_Path = tuple[str | _Place, ...]


class Tables:
    """The tables that ``root`` has now, by the attributes and places that lead to them. What these have is
    read again for each count, since an object may be replaced.
    """

    def __init__(self, root: object) -> None:
        self._root = root
        self._owners = list(_owners(root))
        self._at_first = dict(self._sizes())  # such as one entry for each route, or class

    def grown(self) -> Iterator[tuple[str, int, int]]:
        """Each table that is not empty: its name, its entries, those of the tables in it included, and how
        many it had at first.
        """
        at_first = self._at_first
        for name, entries in self._sizes():
            yield name, entries, at_first.get(name, 0)

    def _sizes(self) -> Iterator[tuple[str, int]]:
        for path, tables in self._owners:
            owner = _part(self._root, path)
            for attribute, name in tables:
                if table := getattr(owner, attribute, None):
                    yield name, _entries(table)


def _part(root: Any, path: _Path) -> Any:
    for each in path:
        if isinstance(each, str):
            root = getattr(root, each, None)
        elif isinstance(root, dict):
            root = root.get(each.key)
        else:
            root = root[each.key] if root else None
    return root


def _entries(table: Collection[Any]) -> int:
    values = table.values() if isinstance(table, dict) else table
    first = next(iter(values))
    if isinstance(first, _TABLES):
        return len(table) + sum(map(len, values))
    if isinstance(getattr(first, _INNER, None), _TABLES):
        return len(table) + sum(len(getattr(value, _INNER)) for value in values)
    return len(table)


def _owners(root: object) -> Iterator[tuple[_Path, list[tuple[str, str]]]]:
    """The parts of ``root`` that have tables, with the attributes and full names of these."""
    seen = {id(root)}
    found: list[tuple[_Path, object]] = [((), root)]
    while found:
        path, owner = found.pop()
        parts: list[tuple[_Path, object]] = []
        tables: list[tuple[str, str]] = []
        for name in _attributes(owner):
            value = getattr(owner, name, None)
            whole = (*path, name)
            if isinstance(value, _TABLES):
                tables.append((name, _name(whole)))
                parts += _elements(whole, value)
            else:
                parts.append((whole, value))
        if tables:
            yield path, tables
        for part_path, part in parts:
            if id(part) not in seen and _is_part(part):
                seen.add(id(part))
                found.append((part_path, part))


def _name(path: _Path) -> str:
    return ".".join(each if isinstance(each, str) else str(each.key) for each in path)


def _elements(path: _Path, table: object) -> Iterator[tuple[_Path, object]]:
    places: Iterator[tuple[Any, object]] = iter(())
    if isinstance(table, dict):
        places = iter(table.items())
    elif isinstance(table, list):
        places = iter(enumerate(table))
    for key, each in places:
        if isinstance(key, (str, int)):
            yield (*path, _Place(key)), each
            yield from _elements((*path, _Place(key)), each)


def _attributes(owner: object) -> list[str]:
    names = list(getattr(owner, "__dict__", ()))
    for kind in type(owner).__mro__:
        slots = getattr(kind, "__slots__", ())
        names += [slots] if isinstance(slots, str) else slots
    return [name for name in names if not name.startswith("__")]


def _is_part(value: object) -> bool:
    kind = type(value)
    if not kind.__module__.startswith(_OURS):
        return False
    return not (isinstance(value, Struct) and value.__struct_config__.frozen)
