"""The limits of the contract, from the profile in the manifest.

Times are integer nanoseconds, rounded as the mock provider rounds them: up, so that the rate stays below the
limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.findings import LimitName
from analysis.formatting import quantity_text, round_number_text

_NS_PER_S = 1_000_000_000
# Causes of a wait, as positions in ``ContractLimits.texts`` and ``NAMES``.
REQUESTS, SEGMENTS, CONCURRENT, DRAIN, CARRIER = range(5)
NAMES: tuple[LimitName, ...] = ("requests", "segments", "concurrency", "accept_queue", "carrier")
LIMITS = len(NAMES)


@dataclass(frozen=True)
class Bucket:
    """A token bucket: one unit per ``unit_ns``, ``burst`` units at most."""

    unit_ns: int
    burst: int

    @property
    def room_ns(self) -> int:
        return self.unit_ns * self.burst


@dataclass(frozen=True)
class ContractLimits:
    """``drain_ns`` and ``carrier_ns``: time of one segment, 0: no limit. ``batch``: messages in a request."""

    requests: Bucket | None = None
    segments: Bucket | None = None
    concurrent: int | None = None
    drain_ns: int = 0
    carrier_ns: Mapping[str, int] = field(default_factory=dict)
    batch: int = 1
    texts: tuple[str, str, str, str, str] = ("", "", "", "", "")  # the limit of each cause, "" without one

    @property
    def delay_sends(self) -> bool:
        """Whether there is a limit other than the carriers'."""
        return bool(self.requests or self.segments or self.concurrent or self.drain_ns)

    def each_alone(self) -> dict[int, ContractLimits]:
        """The contract with one of its limits only, by the limit's position in ``texts``."""
        batch = self.batch
        found = {
            REQUESTS: ContractLimits(requests=self.requests, batch=batch),
            SEGMENTS: ContractLimits(segments=self.segments, batch=batch),
            CONCURRENT: ContractLimits(concurrent=self.concurrent, batch=batch),
            DRAIN: ContractLimits(drain_ns=self.drain_ns, batch=batch),
            CARRIER: ContractLimits(carrier_ns=self.carrier_ns, batch=batch),
        }
        return {limit: one for limit, one in found.items() if one.delay_sends or one.carrier_ns}


def read_limits(profile: Mapping[str, Any], protocol: str) -> ContractLimits:
    """Limits of a message of that protocol. Absent or malformed values are ignored."""
    throttle, account = _table(profile.get("throttle")), _table(profile.get("account"))
    requests, segments = _table(throttle.get("requests")), _table(throttle.get("segments"))
    concurrent = throttle.get("concurrent_requests")
    drain = _table(profile.get("accept_queue")).get("drain_segments_per_s")
    carriers = _carriers(profile.get("carriers"), account)
    batch = _table(_table(profile.get("protocol")).get(protocol)).get("max_recipients_per_request")
    return ContractLimits(
        requests=_bucket(requests),
        segments=_bucket(segments),
        concurrent=concurrent if isinstance(concurrent, int) else None,
        drain_ns=unit_ns(drain),
        carrier_ns={name: unit_ns(rate) for name, rate in carriers.items() if unit_ns(rate)},
        batch=batch if isinstance(batch, int) and batch >= 1 else 1,
        texts=(
            _rate_text(requests.get("rate_per_s"), "requests/s"),
            _rate_text(segments.get("rate_per_s"), "segments/s"),
            f"{concurrent} concurrent requests" if isinstance(concurrent, int) else "",
            _rate_text(drain, "segments/s out of the accept queue"),
            _carriers_text(carriers),
        ),
    )


def unit_ns(rate_per_s: Any) -> int:
    """Time of one unit at a rate, rounded up; 0: no limit."""
    is_rate = isinstance(rate_per_s, int | float) and rate_per_s > 0
    return -int(-_NS_PER_S // rate_per_s) if is_rate else 0


def _bucket(section: Mapping[str, Any]) -> Bucket | None:
    unit, burst = unit_ns(section.get("rate_per_s")), section.get("burst")
    return Bucket(unit, burst) if unit and isinstance(burst, int) and burst >= 1 else None


def has_fast_lane(profile: Mapping[str, Any]) -> bool:
    """Whether the priority flag changes the time to the handset, at all carriers or at one."""
    delivery, carriers = profile.get("delivery"), profile.get("carriers")
    sections = [delivery, *(carriers if isinstance(carriers, list | tuple) else ())]
    return any(isinstance(each, Mapping) and each.get("priority_latency") is not None for each in sections)


def _carriers(listed: Any, account: Mapping[str, Any]) -> dict[str, Any]:
    """Segments per second to each carrier; an account with a dedicated route has its own rate to each."""
    sections = [_table(each) for each in listed] if isinstance(listed, Sequence) else []
    dedicated = account.get("tier") == "dedicated"
    own = account.get("route_segments_per_s")
    return {str(each.get("name", "")): own if dedicated else each.get("segments_per_s") for each in sections}


def _carriers_text(carriers: Mapping[str, Any]) -> str:
    rates = [rate for rate in carriers.values() if unit_ns(rate)]
    if not rates:
        return ""
    ends = dict.fromkeys(round_number_text(rate) for rate in (min(rates), max(rates)))
    return quantity_text(" to ".join(ends), "segments/s per carrier")


def _rate_text(rate: Any, unit: str) -> str:
    return quantity_text(round_number_text(rate), unit) if unit_ns(rate) else ""


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
