"""What the contract allows of a part's load, and whether the load is above it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from analysis.measure.provider_limits import allowed_per_s, binds_elsewhere, segments_per_s
from analysis.model import Throughput
from analysis.read.journeys import Journeys

_ABOVE = 1.02  # times what the contract allows; random arrivals can be this much above their rate


def with_contract(
    found: Throughput,
    profile: dict[str, Any],
    segments_per_message: float | None,
    journeys: Journeys,
    tightest_s: float,
) -> Throughput:
    """Adds the contract's limit in segments, and in messages with this part's mean number of segments; what
    all limits allow with full requests; and whether the load is above that.

    A load is above it if its last message must wait for longer than ``tightest_s``, the lowest limit on a
    delivery time: a short burst over the rate is carried in time by a sender that uses the contract well. The
    limit in segments is left out if another one allows less, unless the load is above this one as well.
    """
    if not segments_per_message:
        return found
    offered_per_s = found.offered_mean_per_s / _ABOVE
    most_per_s = allowed_per_s(profile, journeys.provider.protocol, segments_per_message)
    if most_per_s is not None:
        wait_s = journeys.load_end_s * (offered_per_s / most_per_s - 1.0)
        found = replace(found, contract_most_per_s=most_per_s, above_contract=wait_s > tightest_s)
    limit_per_s = segments_per_s(profile)
    if limit_per_s is None:
        return found
    per_s = limit_per_s / segments_per_message
    if offered_per_s <= per_s and binds_elsewhere(profile, journeys.provider, per_s):
        return found
    return replace(found, contract_segments_per_s=limit_per_s, contract_per_s=per_s)
