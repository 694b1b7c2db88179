"""Exponential backoff with jitter. The jitter is a hash, so the same seed and key give the same wait."""

from __future__ import annotations

from hashlib import blake2b

_MAX_DOUBLINGS = 40  # above it every cap is reached, and a float power would overflow


def fraction(seed: int, key: str, number: int) -> float:
    """A number in [0, 1) that depends only on the three arguments."""
    digest = blake2b(f"{seed}/{key}/{number}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def grown(base_ns: int, cap_ns: int, doublings: int) -> int:
    """``base_ns`` doubled that many times, at most ``cap_ns``."""
    return min(cap_ns, base_ns << min(doublings, _MAX_DOUBLINGS))
