"""Numbers as text: three significant digits, a suitable unit, thousands separators."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

# The deliveries that a rate counts. Others may exist: delivered, although the sender did not accept them.
RATE_OF_DELIVERIES = "accepted and delivered"
TIMES = "\N{MULTIPLICATION SIGN}"
_MINUTE_S = 60.0
_HOUR_S = 3600.0
_FEWEST_DIGITS = 3
_MOST_DIGITS = 6
_UNITS_S = {"µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": _MINUTE_S, "h": _HOUR_S}


def significant(value: float, digits: int = 3) -> str:
    """1736.1 -> "1,740", 0.058 -> "0.058", 12.345 -> "12.3"."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else ("never" if value > 0 else "-")
    places = digits - 1 - math.floor(math.log10(abs(value)))
    # In decimal, so that 0.2475 and a thousand times it are rounded alike.
    step = Decimal(1).scaleb(-places)
    rounded = float(Decimal(repr(float(value))).quantize(step, ROUND_HALF_UP))
    # Rounding may have carried into the next decade: 9.996 -> 10.0.
    places = digits - 1 - math.floor(math.log10(abs(rounded)))
    text = f"{rounded:,.{max(places, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text and abs(value) < 1 else text


def seconds_text(value_s: float | None, digits: int = 3) -> str:
    """A time in a suitable unit: µs, ms, s, min, h."""
    if value_s is None or math.isnan(value_s):
        return "-"
    if math.isinf(value_s):
        return "never"
    size = abs(value_s)
    if size < 1e-9:
        return "0 s"
    if size < 0.9995e-3:
        return f"{significant(value_s * 1e6, digits)} µs"
    if size < 0.9995:
        return f"{significant(value_s * 1e3, digits)} ms"
    if size < 2 * _MINUTE_S:
        return f"{significant(value_s, digits)} s"
    if size < 2 * _HOUR_S:
        return f"{significant(value_s / _MINUTE_S, digits)} min"
    return f"{significant(value_s / _HOUR_S, digits)} h"


def seconds_beside_limit(value_s: float | None, limit_s: float | None) -> str:
    """A time with as many digits as distinguish it from its limit: 10.02 min beside a limit of 10 min."""
    return _beside(limit_s, lambda digits: seconds_text(value_s, digits))


def seconds_interval_text(low_s: float, high_s: float, limit_s: float | None = None) -> tuple[str, str]:
    """Both ends in the unit of the upper one: ``1.88 min`` and ``2.59 min``. As ``seconds_beside_limit``."""
    high = seconds_beside_limit(high_s, limit_s)
    unit = high.rpartition(" ")[2]
    if not math.isfinite(high_s) or unit not in _UNITS_S or low_s == 0:
        return seconds_beside_limit(low_s, limit_s), high
    return _beside(limit_s, lambda digits: f"{significant(low_s / _UNITS_S[unit], digits)} {unit}"), high


def _beside(limit_s: float | None, text_of: Callable[[int], str]) -> str:
    """The shortest text, with the fewest digits, that is not that of the limit."""
    plain = text_of(_FEWEST_DIGITS)
    if limit_s is None:
        return plain
    texts = ((text_of(digits), digits) for digits in range(_FEWEST_DIGITS, _MOST_DIGITS + 1))
    return next((text for text, digits in texts if text != seconds_text(limit_s, digits)), plain)


def limit_text(value_s: float) -> str:
    """A configured limit in the unit of the objective's canonical form: 400 ms, 10 s, 10 min, 2 h."""
    for unit in ("h", "min"):
        if value_s >= 2 * _UNITS_S[unit] and value_s % _UNITS_S[unit] == 0:
            return f"{value_s / _UNITS_S[unit]:g} {unit}"
    return f"{value_s:g} s" if value_s >= 1.0 else f"{1000.0 * value_s:g} ms"


def rate_text(per_s: float | None) -> str:
    """``12.5/s``; ``-`` if it is unknown."""
    return "-" if per_s is None else f"{significant(per_s)}/s"


def rate_interval_text(low_per_s: float, high_per_s: float) -> tuple[str, str]:
    """Both ends with as many digits as distinguish them: ``60.00/s`` and ``60.04/s``."""
    for digits in range(_FEWEST_DIGITS, _MOST_DIGITS + 1):
        low, high = (f"{significant(each, digits)}/s" for each in (low_per_s, high_per_s))
        if low != high or low_per_s == high_per_s:
            break
    return low, high


def quantity_text(number: str, unit: str) -> str:
    """``100 segments/s``, and ``1 segment/s``. ``unit`` begins with a plural."""
    return f"{number} {re.sub('s(?=[/ ])', '', unit, count=1) if number == '1' else unit}"


def count_text(count: int) -> str:
    """``1,234``."""
    return f"{count:,}"


def per_day_text(per_day: float | None) -> str:
    """5000 -> "5,000", 60000000 -> "60 million"."""
    if per_day is None:
        return "-"
    if per_day >= 1e6:
        return f"{_bare(significant(per_day / 1e6))} million"
    return f"{round(per_day):,}"


def round_number_text(value: float) -> str:
    """A number without trailing zeros: 12 for 12.0, 0.5 for 0.50."""
    return _bare(significant(value)) if value else "0"


def round_seconds_text(value_s: float) -> str:
    """A round time without trailing zeros: 200 ms, 5 s, 1 min, 10 h."""
    if value_s >= _HOUR_S:
        return f"{_bare(significant(value_s / _HOUR_S))} h"
    if value_s >= _MINUTE_S:
        return f"{_bare(significant(value_s / _MINUTE_S))} min"
    number, _, unit = seconds_text(value_s).partition(" ")
    return f"{_bare(number)} {unit}"


def _bare(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def share_text(part: int, whole: int) -> str:
    """A share in per cent: two digits, and not rounded to 0 or 100 %."""
    return "-" if whole == 0 else share_of_one_text(part / whole)


def share_of_one_text(share: float) -> str:
    """As ``share_text``: 0.058 -> "5.8 %", 0.9994 -> "99.94 %"."""
    percent = 100.0 * share
    left = 100.0 - percent
    if 0.0 < left < 1.0:
        return f"{_bare(f'{percent:.{1 - math.floor(math.log10(left))}f}')} %"
    return f"{significant(percent, 2)} %"


def percentile_name(percentile: float) -> str:
    """``p95``, ``p99.9``."""
    return f"p{percentile:g}"


def counted_text(count: int, noun: str = "message") -> str:
    """``3 messages``, ``1 message``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def fault_text(name: str, kind: str, title: str) -> str:
    """A fault's own name; the start of its title if its profile gives it none but its kind."""
    words, colon, _ = title.partition(":")
    return words if colon and name == kind else name
