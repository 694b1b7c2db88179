"""Random numbers without state: each is a hash of (seed, index), so order and concurrency cannot change it.

The hash is SplitMix64 (Steele, Lea, Flood 2014), which passes BigCrush: its k-th output is
``mix(seed + k * GOLDEN)``.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def derive_seed(seed: int, concern: str) -> int:
    """A separate seed for one purpose. Below 2**48, so that every JSON reader keeps it exact."""
    digest = hashlib.blake2b(f"{seed}/{concern}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big")


def words(seed: int, count: int) -> NDArray[np.uint64]:
    """``count`` words of 64 random bits; word i depends only on (seed, i)."""
    index = np.arange(1, count + 1, dtype=np.uint64)
    state = np.uint64(seed & 0xFFFF_FFFF_FFFF_FFFF) + index * _GOLDEN  # wraps by design
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    mixed: NDArray[np.uint64] = state ^ (state >> np.uint64(31))
    return mixed


def uniforms(seed: int, count: int) -> NDArray[np.float64]:
    """``count`` numbers in [0, 1), each depends only on (seed, its index)."""
    return (words(seed, count) >> np.uint64(11)).astype(np.float64) * 2.0**-53
