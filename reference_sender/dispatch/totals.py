"""Counts of what the dispatcher did."""

from __future__ import annotations

from msgspec import Struct


class Totals(Struct):
    """Counts since the dispatcher began. A late update counts under both of its final states, and under
    ``late``.
    """

    offered: int = 0
    duplicate_offers: int = 0
    set_aside: int = 0  # left unsent, to be offered again or to end
    recovered: int = 0
    hedged: int = 0  # OTPs for which a second message was made
    sent: int = 0
    delivered: int = 0
    failed: int = 0
    expired: int = 0
    late: int = 0  # ended messages that a report then showed to be delivered
    repeated_reports: int = 0  # intermediate reports, and reports without new information
    ended_by_query: int = 0  # a status query showed the end of a message whose report was missing
    # About messages that neither this dispatcher nor, of deliveries, the store knows.
    orphan_reports: int = 0
