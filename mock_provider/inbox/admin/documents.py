"""A profile as a JSON document: for display, and for partial changes (RFC 7386)."""

from __future__ import annotations

from mock_provider.inbox.admin.requests import Body
from mock_provider.profiles import Profile


def document_of(profile: Profile) -> Body:
    """The whole profile, with tokens."""
    document: Body = profile.model_dump(mode="json", exclude_none=True)
    return document


def shown(profile: Profile) -> Body:
    """The profile without its tokens, so that a reader cannot send with them."""
    document = document_of(profile)
    del document["account"]["tokens"]
    return document


def merged(target: Body, patch: Body) -> Body:
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
