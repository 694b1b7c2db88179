"""Merges one document of a profile into another (RFC 7386)."""

from __future__ import annotations

from typing import Any


def merged(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """``target`` with ``patch`` merged: null sets a key back to its default.

    A distribution of another ``kind`` replaces the present one completely.
    """
    result = dict(target)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif _is_same_kind(result.get(name), value):
            result[name] = merged(result[name], value)
        else:
            result[name] = value
    return result


def _is_same_kind(present: object, value: object) -> bool:
    if not isinstance(present, dict) or not isinstance(value, dict):
        return False
    return bool(value.get("kind", present.get("kind")) == present.get("kind"))
