"""A provider in virtual time, in one call."""

from __future__ import annotations

from typing import Any

from mock_provider.testing.virtual import VirtualProvider, plain_profile


def virtual_provider(seed: int = 1, **sections: Any) -> VirtualProvider:
    """A provider without limits or delays, except those of ``sections`` of its profile."""
    return VirtualProvider(plain_profile(**sections), seed)


def fixed(value_s: float) -> dict[str, Any]:
    """The distribution of a value that never changes."""
    return {"kind": "fixed", "value_s": value_s}
