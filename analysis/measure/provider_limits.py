"""The limits of the provider profile in a manifest, as text and as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from analysis.formatting import quantity_text, round_number_text
from analysis.measure.contract_limits import read_limits
from analysis.read.provider_rows import ProviderSide


def limits_text(profile: Mapping[str, Any]) -> str:
    """``20 requests/s, 500 segments/s``, ``none``, or ``unknown`` if the manifest has no profile."""
    if not profile:
        return "unknown"
    throttle, queue = _table(profile.get("throttle")), _table(profile.get("accept_queue"))
    throttled = _table(throttle.get("segments")).get("rate_per_s")
    # Of two limits of segments the text says which one is the queue's.
    drained = "segments/s" if not _is_rate(throttled) else "segments/s out of the accept queue"
    found = [
        (_table(throttle.get("requests")).get("rate_per_s"), "requests/s"),
        (throttled, "segments/s"),
        (queue.get("drain_segments_per_s"), drained),
    ]
    words = [quantity_text(round_number_text(rate), unit) for rate, unit in found if _is_rate(rate)]
    carriers = [rate for rate in _carrier_rates(profile.get("carriers")) if _is_rate(rate)]
    if carriers:
        ends = dict.fromkeys(round_number_text(rate) for rate in (min(carriers), max(carriers)))
        words.append(quantity_text(" to ".join(ends), "segments/s per carrier"))
    return ", ".join(words) or "none"


def segments_per_s(profile: Mapping[str, Any]) -> float | None:
    """The limit of the account over all carriers; None without one."""
    throttle, queue = _table(profile.get("throttle")), _table(profile.get("accept_queue"))
    found = (_table(throttle.get("segments")).get("rate_per_s"), queue.get("drain_segments_per_s"))
    return min((float(rate) for rate in found if _is_rate(rate)), default=None)


def binds_elsewhere(profile: Mapping[str, Any], provider: ProviderSide, per_s: float) -> bool:
    """Whether the limit in requests, or of a carrier, allows fewer than ``per_s`` messages per second.

    The messages per request and the shares of the carriers are those of the run.
    """
    messages = int(np.count_nonzero(provider.accepted))
    # Messages of one request reach the provider at the same instant.
    instants = provider.submitted_s[provider.accepted & np.isfinite(provider.submitted_s)]
    requests_per_s = _table(_table(profile.get("throttle")).get("requests")).get("rate_per_s")
    requests = len(np.unique(instants))
    if _is_rate(requests_per_s) and requests and requests_per_s * messages < per_s * requests:
        return True
    for name, unit_ns in read_limits(profile, "").carrier_ns.items():
        if name in provider.carrier.names:
            among = provider.accepted & (provider.carrier.index == provider.carrier.names.index(name))
            if 1e9 / unit_ns * messages < per_s * int(provider.segments[among].sum()):
                return True
    return False


def allowed_per_s(profile: Mapping[str, Any], protocol: str, per_message: float) -> float | None:
    """The messages per second that the account may send at most, with as many messages in each request as it
    takes and ``per_message`` segments in each message; None without a limit of requests or segments.
    """
    requests_per_s = _table(_table(profile.get("throttle")).get("requests")).get("rate_per_s")
    of_segments = segments_per_s(profile)
    found = (
        requests_per_s * read_limits(profile, protocol).batch if _is_rate(requests_per_s) else None,
        of_segments / per_message if of_segments is not None else None,
    )
    return min((rate for rate in found if rate is not None), default=None)


def currency_of(profile: Mapping[str, Any]) -> str:
    """The currency of a point, such as PLN; "" if the profile does not name one."""
    found = _table(profile.get("account")).get("currency")
    return found if isinstance(found, str) else ""


def priority_price_factor(profile: Mapping[str, Any]) -> float:
    """The price of a message with the priority flag, as a multiple; 1.0 if the profile does not say it."""
    found = _table(profile.get("account")).get("priority_price_factor")
    return float(found) if _is_rate(found) else 1.0


def _is_rate(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _carrier_rates(carriers: Any) -> list[Any]:
    listed = carriers if isinstance(carriers, Sequence) else ()
    return [_table(each).get("segments_per_s") for each in listed]
