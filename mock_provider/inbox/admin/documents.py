"""A profile as a JSON document: for display, and for partial changes (RFC 7386)."""

from __future__ import annotations

from mock_provider.inbox.admin.requests import JsonObject
from mock_provider.profiles import Profile


def document_of(profile: Profile) -> JsonObject:
    """The whole profile, with tokens."""
    document: JsonObject = profile.model_dump(mode="json", exclude_none=True)
    return document


def shown(profile: Profile) -> JsonObject:
    """The profile without its tokens, so that a reader cannot send with them."""
    document = document_of(profile)
    del document["account"]["tokens"]
    return document
