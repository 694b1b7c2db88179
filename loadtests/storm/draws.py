"""Draws that depend on what they are about, so that a fault that is left out changes no other draw."""

from __future__ import annotations

from hashlib import blake2b

_RANGE = float(1 << 48)


def chance(*parts: object) -> float:
    """In [0, 1), the same for the same parts."""
    digest = blake2b("/".join(map(str, parts)).encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / _RANGE
