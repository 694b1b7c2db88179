"""Checks of the limits with which a dispatcher is made."""

from __future__ import annotations

from collections.abc import Sequence

from reference_sender.dispatch.values import RouteLimits


def check_routes(routes: Sequence[RouteLimits]) -> None:
    """Raises ``ValueError``, naming all faults, if a route's limits allow nothing or names repeat."""
    faults = [] if routes else ["there must be at least one route"]
    if len({limits.name for limits in routes}) < len(routes):
        faults.append("routes must have different names")
    for limits in routes:
        for name in ("requests_per_s", "segments_per_s"):
            if not getattr(limits, name) >= 1e-6:
                faults.append(f"{limits.name}: {name} must be at least 0.000001")
        for name in ("requests_burst", "segments_burst", "max_batch", "max_in_flight"):
            if not getattr(limits, name) >= 1:
                faults.append(f"{limits.name}: {name} must be at least 1")
    if faults:
        raise ValueError("; ".join(faults))
