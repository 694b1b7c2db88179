"""States of a dispatcher with chosen figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_sender.dispatch import DispatchState
from reference_sender.dispatch.figures import BOUNDS_S, ClassSnapshot, DurationCounts
from reference_sender.dispatch.snapshot import RouteSnapshot

_CLASSES = ("otp", "transactional", "marketing")


def state_of(
    delivered: int = 0,
    failed: int = 0,
    expired: int = 0,
    queued: int = 0,
    held: int = 0,
    throttles: int = 0,
    unusable_s: float = 0.0,
    queried: int = 0,
    reasons: Mapping[str, int] | None = None,
    otp_deliveries: Mapping[int, int] | None = None,
) -> DispatchState:
    """``otp_deliveries``: messages by the index of their bucket."""
    none = DurationCounts((0,) * (len(BOUNDS_S) + 1), 0.0)
    buckets = otp_deliveries or {}
    otp = DurationCounts(tuple(buckets.get(index, 0) for index in range(len(BOUNDS_S) + 1)), 0.0)
    counts: dict[str, Any] = {"delivered": delivered, "failed": failed, "expired": expired}
    totals = counts | {"ended_by_query": queried}
    return DispatchState(
        queue_otp=0,
        queue_transactional=0,
        queue_marketing=queued,
        between_attempts=0,
        in_flight=0,
        in_flight_messages=0,
        awaiting_report=0,
        early_reports=0,
        totals=totals,
        routes=(
            RouteSnapshot(
                "main",
                "closed",
                0,
                0,
                0.0,
                throttles,
                trouble="no_answer" if unusable_s else "",
                unusable_s=unusable_s,
            ),
        ),
        classes=tuple(
            ClassSnapshot(name, 0, counts, none, otp if name == "otp" else none) for name in _CLASSES
        ),
        reasons=dict(reasons or {}),
        held=held,
    )
