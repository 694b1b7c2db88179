"""The limits of the provider's profile in the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from analysis.measure.contract_limits import read_limits


class Contract(Struct, frozen=True):
    """Rates per second; None: no limit."""

    requests_per_s: float | None = None
    segments_per_s: float | None = None  # throttled
    drain_segments_per_s: float | None = None  # of the accept queue
    concurrent_requests: float | None = None

    @property
    def lowest_segments_per_s(self) -> float | None:
        """The limit that binds a sender that keeps to the contract: throttled, or out of the queue."""
        limits = (self.segments_per_s, self.drain_segments_per_s)
        return min((rate for rate in limits if rate is not None), default=None)


def contract_of(profile: Mapping[str, Any]) -> Contract:
    throttle, queue = _table(profile.get("throttle")), _table(profile.get("accept_queue"))
    return Contract(
        _number(_table(throttle.get("requests")).get("rate_per_s")),
        _number(_table(throttle.get("segments")).get("rate_per_s")),
        _number(queue.get("drain_segments_per_s")),
        _number(throttle.get("concurrent_requests")),
    )


def carriers_without_limit(profile: Mapping[str, Any]) -> frozenset[str]:
    """The carriers that the profile lists without a rate: none of them has a queue of its own."""
    listed = profile.get("carriers")
    sections = listed if isinstance(listed, Sequence) else ()
    names = {str(_table(each).get("name", "")) for each in sections}
    return frozenset(names - read_limits(profile, "").carrier_ns.keys())


def says_how_long(profile: Mapping[str, Any], protocol: str) -> bool:
    """Whether a refusal for a limit has the header Retry-After, in that protocol."""
    settings = _table(_table(profile.get("protocol")).get(protocol))
    with_header = settings.get("throttle_answer") == "http_429" and settings.get("retry_after") is True
    return protocol == "generic" or with_header


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
