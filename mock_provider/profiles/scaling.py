"""The same provider on a faster time axis."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from mock_provider.profiles.schema import Profile

# Idempotency applies to a sender whose retries stay in real time; SMPP's timers apply to connections, whose
# clients also use real time.
_TRUE_TIME_SECTIONS = ("duplicates", "smpp")


def scale_profile(profile: Profile, factor: float) -> Profile:
    """All rates times ``factor``, all delays divided by it. Shares, failures, bursts and prices do not
    change.

    So utilisation has the same shape if arrivals come at ``factor`` times the rate. Divided are latencies,
    validity, report delay, linger and retries, the flood window, and fault windows that count from the
    first input; not the window of duplicates, nor the timers of SMPP sessions. Whole seconds stay whole, and
    at least one. Raises ``ValueError`` for a factor that is not positive and finite.
    """
    if not 0 < factor < float("inf"):
        raise ValueError(f"factor must be a positive number, not {factor}")
    scaled = _scaled(profile, factor)
    assert isinstance(scaled, Profile)
    return scaled


def _scaled(value: Any, factor: float, name: str = "") -> Any:
    if name in _TRUE_TIME_SECTIONS:
        return value
    if isinstance(value, BaseModel):
        keep = {"start_s", "end_s"} if getattr(value, "clock", None) == "absolute" else set()
        update = {n: v if n in keep else _scaled(v, factor, n) for n, v in _fields(value)}
        return value.model_copy(update=update)
    if isinstance(value, tuple):
        if name == "percentiles_s":  # pairs of percentile and value
            return tuple((percentile, seconds / factor) for percentile, seconds in value)
        return tuple(_scaled(entry, factor, name) for entry in value)
    if isinstance(value, float):
        if name.endswith("_per_s"):
            return value * factor
        if name.endswith("_s"):
            return value / factor
    if isinstance(value, int) and name.endswith("_s") and value:
        return max(1, round(value / factor))
    return value


def _fields(section: BaseModel) -> list[tuple[str, Any]]:
    return [(name, getattr(section, name)) for name in type(section).model_fields]
