"""Objectives as text: the measure, the limit, a figure with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal

from analysis.classes import ALL, class_text
from analysis.formatting import (
    count_text,
    limit_text,
    percentile_name,
    seconds_beside_limit,
    seconds_interval_text,
    significant,
)
from analysis.objectives.grammar import Spec
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
_FEWEST_DIGITS = 3
_MOST_DIGITS = 9


def name_of(spec: Spec) -> str:
    """``OTP p95 delivery time``."""
    if spec.measure == "delivery_time":
        return f"{class_text(spec.message_class)} {percentile_name(spec.percentile or 0.0)} delivery time"
    if spec.measure == "api_response":
        return f"{percentile_name(spec.percentile or 0.0)} of the sender's answer"
    return (
        _NAMES[spec.measure]
        if spec.message_class == ALL
        else f"{class_text(spec.message_class)} {_NAMES[spec.measure]}"
    )


def limit_of(spec: Spec) -> str:
    """``< 20 s``, ``≤ 0.1 %``, ``0``. Every digit of the given limit is shown."""
    limit = _limit_text(spec)
    return limit if spec.relation == "=" else f"{_RELATIONS.get(spec.relation, spec.relation)} {limit}"


def _limit_text(spec: Spec) -> str:
    if spec.kind == "time":
        return limit_text(spec.limit)
    given = Decimal(repr(spec.limit))
    return f"{_bare(100 * given)} %" if spec.kind == "share" else _bare(given)


def _bare(number: Decimal) -> str:
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def value_text(spec: Spec, value: float) -> str:
    """A figure in the limit's unit. It has as many digits as show on which side of the limit it is."""
    if spec.kind == "time":
        return seconds_beside_limit(value, spec.limit)
    if spec.kind == "share":
        return share_text(value, spec.limit)
    if spec.kind == "count":
        return count_text(round(value))
    return _on_its_side(value, spec.limit, significant, range(_FEWEST_DIGITS, _MOST_DIGITS + 1))


def share_text(share: float, limit: float | None = None) -> str:
    """In per cent; never rounded to 0 % or 100 %, and not to the other side of ``limit``."""
    percent = float(100 * Decimal(repr(float(share))))  # 100.0 * 0.0045 is below 0.45
    if percent in (0.0, 100.0):
        return f"{percent:.0f} %"
    gap = min(percent, 100.0 - percent)
    fewest = max(1, 1 - math.floor(math.log10(gap)))
    places = range(fewest, fewest + _MOST_DIGITS)
    beside = None if limit is None else float(100 * Decimal(repr(float(limit))))
    text = _on_its_side(percent, beside, lambda value, count: f"{value:.{count}f}", places)
    return f"{text.rstrip('0').rstrip('.')} %"


def _on_its_side(
    value: float, limit: float | None, text_of: Callable[[float, int], str], digits: range
) -> str:
    """The text with the fewest digits whose number compares with ``limit`` as ``value`` does."""
    texts = [text_of(value, count) for count in digits]
    if limit is None:
        return texts[0]
    shown = ((text, float(text.replace(",", ""))) for text in texts)
    return next(
        (
            text
            for text, number in shown
            if (number < limit) == (value < limit) and (number > limit) == (value > limit)
        ),
        texts[-1],
    )


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
