"""Pydantic's errors of a profile as lines with the key's path, the given value and the allowed values, which
are from the profile's JSON schema. ``user_input`` has the words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mock_provider.profiles import renamed_keys
from mock_provider.profiles.schema import Profile
from mock_provider.settings.kinds import Misfit
from user_input.plain_errors import plain_message

_SHOWN_CHARACTERS = 60
_INDEX = re.compile(r"\[[0-9]+\]")
# In place of messages that repeat the allowed values.
_IN_OTHER_WORDS = {
    "enum": "is not one of these",
    **dict.fromkeys(("greater_than", "greater_than_equal"), "is too small"),
    **dict.fromkeys(("less_than", "less_than_equal"), "is too large"),
}


def error_lines(error: ValidationError) -> tuple[str, ...]:
    """One line for each error, in the order of the keys."""
    found = error.errors(include_url=False)
    own = (one for one in found if not _follows_from_another(one, found))
    return tuple(line for one in own for line in _lines(one))


def _follows_from_another(one: ErrorDetails, all_found: Sequence[ErrorDetails]) -> bool:
    """Whether a list counts as too short only because its entries are wrong."""
    depth = len(one["loc"])
    return one["type"] == "too_short" and any(
        len(other["loc"]) > depth and other["loc"][:depth] == one["loc"] for other in all_found
    )


def _lines(found: ErrorDetails) -> list[str]:
    if not found["loc"] and found["type"] == "value_error":  # of several keys together: it names them itself
        return plain_message(found["msg"]).split("\n")
    return [_line(found)]


def _line(found: ErrorDetails) -> str:
    path, node = _walk(found["loc"])
    shown = path or "(top)"
    if found["type"] == "extra_forbidden":
        plain_path = _INDEX.sub("", path)
        if plain_path in renamed_keys.KEYS:
            return f"{shown}: unknown key; it is now {renamed_keys.KEYS[plain_path]}"
        known = _known_keys(found["loc"][:-1])
        return f"{shown}: unknown key; known here: {', '.join(known)}"
    if found["type"] == "missing":
        return f"{shown}: missing{_allowed(node)}"
    if found["type"] == "union_tag_not_found":
        return f"{shown}.kind: missing{_allowed_kinds(node)}"
    if found["type"] == "union_tag_invalid":
        tag = found["ctx"]["tag"]
        return f"{shown}.kind: {tag!r}: {_none_of_these(f'{path}.kind', tag)}{_allowed_kinds(node)}"
    if isinstance(found["input"], Misfit):
        return f"{shown}: {_shown_value(found['input'].value)}: {found['input'].words}{_allowed(node)}"
    message = _IN_OTHER_WORDS.get(found["type"]) or plain_message(found["msg"])
    if found["type"] == "literal_error":
        message = _none_of_these(path, found["input"])
    if found["loc"][:2] == ("account", "tokens"):
        return f"{shown}: {message}"  # without the secret
    if found["type"] == "value_error" and _is_table(found["input"]):
        return f"{shown}: {message}"  # several keys are wrong together: the message names them
    return f"{shown}: {_shown_value(found['input'])}: {message}{_allowed(node)}"


def _none_of_these(path: str, value: object) -> str:
    new = renamed_keys.VALUES.get((_INDEX.sub("", path), str(value)))
    return "is not one of these" if new is None else f"it is now {new!r}"


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list | tuple) and any(map(_is_table, value)))


def _shown_value(value: object) -> str:
    """The value as JSON, which is almost TOML, without Python's words."""
    try:
        if value is None or isinstance(value, bool | dict | list | tuple):
            words = json.dumps(value, ensure_ascii=False, default=str)
            words = words.encode("utf-8", "backslashreplace").decode()  # a lone surrogate of a JSON text
        else:
            words = repr(value)
    except ValueError:  # Python does not format integers of more than 4,300 digits
        words = "a number with thousands of digits"
    return words if len(words) <= _SHOWN_CHARACTERS else words[: _SHOWN_CHARACTERS - 1] + "…"


@cache
def _schema() -> dict[str, Any]:
    return Profile.model_json_schema()


def _walk(location: Sequence[int | str]) -> tuple[str, dict[str, Any]]:
    """The path as a profile's author writes it (without the tags of unions), and its node of the schema."""
    node = _resolved(_schema())
    path = ""
    for part in location:
        mapping = node.get("discriminator", {}).get("mapping", {})
        if part in mapping:
            node = _resolved({"$ref": mapping[part]})
            continue
        if isinstance(part, int):
            path += f"[{part}]"
            items = node.get("prefixItems")
            following = items[part] if items and part < len(items) else node.get("items", {})
        else:
            path += f".{part}" if path else part
            following = node.get("properties", {}).get(part, {})
        node = _resolved(following)
    return path, node


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return _resolved(_schema()["$defs"][name])
    alternatives = [entry for entry in node.get("anyOf", ()) if entry.get("type") != "null"]
    return _resolved(alternatives[0]) if len(alternatives) == 1 else node


def _known_keys(location: Sequence[int | str]) -> list[str]:
    return sorted(_walk(location)[1].get("properties", {}))


def _allowed(node: dict[str, Any]) -> str:
    """The allowed range, if the schema has one."""
    if "enum" in node:
        return f" (allowed: {', '.join(map(str, node['enum']))})"
    if "mapping" in node.get("discriminator", {}):
        return f" (its kind: {', '.join(node['discriminator']['mapping'])})"
    if "pattern" in node:
        return f" (allowed: text that matches {node['pattern']})"
    bounds = []
    if "minimum" in node:
        bounds.append(f"at least {_plain(node['minimum'])}")
    if "exclusiveMinimum" in node:
        bounds.append(f"more than {_plain(node['exclusiveMinimum'])}")
    if "maximum" in node:
        bounds.append(f"at most {_plain(node['maximum'])}")
    if "exclusiveMaximum" in node:
        bounds.append(f"less than {_plain(node['exclusiveMaximum'])}")
    kind = {"integer": "whole number", "number": "number"}.get(node.get("type", ""), "")
    return f" (allowed: {' '.join(filter(None, (kind, ' and '.join(bounds))))})" if bounds or kind else ""


def _allowed_kinds(node: dict[str, Any]) -> str:
    return f" (allowed: {', '.join(node.get('discriminator', {}).get('mapping', ()))})"


def _plain(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else f"{bound:.9f}".rstrip("0")
