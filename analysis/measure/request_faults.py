"""Faults of the provider that delay messages in the sender."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.findings import FaultBand


def request_faults(bands: Sequence[FaultBand]) -> tuple[FaultBand, ...]:
    """The faults with a time that can delay a message in the sender. Reports, and messages that wait for a
    carrier, are behind it.
    """
    return tuple(
        band for band in bands if band.from_s is not None and band.effect not in ("reports", "held_messages")
    )


def delay_to_the_end(bands: Sequence[FaultBand], end_s: float) -> bool:
    """Whether one of them can delay messages in the sender until ``end_s``."""
    return any(band.to_s is None or band.to_s >= end_s for band in request_faults(bands))
