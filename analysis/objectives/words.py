"""Objectives as text: the measure, the limit, a figure with its interval."""

from __future__ import annotations

import math

from analysis.formatting import (
    count_text,
    limit_text,
    percentile_name,
    seconds_beside_limit,
    seconds_interval_text,
    seconds_text,
    significant,
)
from analysis.objectives.grammar import ALL, Spec
from analysis.quantile import Quantile

_NAMES = {
    "loss": "lost messages",
    "duplicates": "duplicate deliveries",
    "unaccounted": "messages unaccounted for",
    "not_taken": "messages not taken by the sender",
    "delivered": "share delivered",
    "availability": "availability",
    "cost_per_1000": "cost per 1,000 delivered",
}
_RELATIONS = {"<=": "≤", ">=": "≥"}


def name_of(spec: Spec) -> str:
    """``otp p95 delivery time``."""
    if spec.measure == "delivery_time":
        return f"{spec.message_class} {percentile_name(spec.percentile or 0.0)} delivery time"
    if spec.measure == "api_response":
        return f"{percentile_name(spec.percentile or 0.0)} of the sender's answer"
    return (
        _NAMES[spec.measure] if spec.message_class == ALL else f"{spec.message_class} {_NAMES[spec.measure]}"
    )


def limit_of(spec: Spec) -> str:
    """``< 20 s``, ``≤ 0.1 %``, ``0``."""
    limit = value_text(spec, spec.limit, limit_text(spec.limit))
    return limit if spec.relation == "=" else f"{_RELATIONS.get(spec.relation, spec.relation)} {limit}"


def value_text(spec: Spec, value: float, time_text: str = "") -> str:
    """A figure in the limit's unit; ``time_text`` replaces the text of a time."""
    if spec.kind == "time":
        return time_text or seconds_text(value)
    if spec.kind == "share":
        return share_text(value)
    return count_text(round(value)) if spec.kind == "count" else significant(value)


def share_text(share: float) -> str:
    """In per cent; never rounded to 0 % or 100 %."""
    percent = 100.0 * share
    if percent in (0.0, 100.0):
        return f"{percent:.0f} %"
    gap = min(percent, 100.0 - percent)
    places = max(1, 1 - math.floor(math.log10(gap)))
    text = f"{percent:.{places}f}".rstrip("0").rstrip(".")
    return f"{text} %"


def quantile_text(quantile: Quantile, limit_s: float | None = None) -> str:
    """``4.21 s``, ``> 31.0 s``, ``never``, ``too few messages``.

    ``limit_s``: the limit that it is next to.
    """
    if quantile.state == "withheld":
        return "too few messages"
    if quantile.state == "never":
        return "never"
    return ("> " if quantile.state == "at_least" else "") + seconds_beside_limit(quantile.value_s, limit_s)


def interval_text(quantile: Quantile, limit_s: float | None = None) -> str:
    """``3.9 s to 4.6 s``; ``3.9 s or more`` if the upper end is open or unknown; ``none`` without both."""
    if quantile.low_s is None:
        return "none"
    if math.isinf(quantile.low_s):
        return "never"
    low, high = seconds_interval_text(
        quantile.low_s, math.inf if quantile.high_s is None else quantile.high_s, limit_s
    )
    return f"{low} or more" if quantile.high_s is None or math.isinf(quantile.high_s) else f"{low} to {high}"
