"""Which rate to try next, and when the search is over: pure functions of the trials made so far.

The rate grows threefold until an objective is missed. Then the throughput of the missed trials selects the
next rates: one a little above it and one a little below it. If the upper one is missed too, the throughput
does not grow beyond the knee and is the capacity. If throughput does not help, because the limit is a delay
or the target does less under overload, the bracket is bisected in equal ratios.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from loadtests.capacity.bracket import (
    WARM_UP,
    Bracket,
    Saturation,
    SearchSettings,
    TrialResult,
    read_trials,
)

_GROWTH = 3.0
_GROWTH_IF_BRIEF = 2.0  # a rate far beyond what the machine can do makes the bench itself fail
_BENCH_LIMIT = 1.25  # if the bench fails, the search ends within this ratio: it is not the target's limit
_ABOVE_LEAST = 0.04  # the trial that confirms the throughput is this share above it
_ABOVE_MOST = 0.2
_NOISY = 0.9  # a throughput down to this share of a met rate is noise and not a collapse
_NOISY_STEP = 4.0  # precisions
_MARGIN_MOST = 0.5
_APART = 0.25  # precisions between two rates that are worth two trials
_LOWEST_SHARE = 0.1  # of the first rate: the last trial if no rate was met
_SHRINK = 3.0  # factor below a first rate at which the bench failed
_CLEARLY_BELOW = 1.25  # a rate that stayed undecided is near the limit
_OVERLOAD = 2.0  # times the lowest missed rate: it spends a reserve in the warm-up
_BEYOND = 1.75  # times a rate that stayed undecided: a clear overload


class NextTrial(Struct, frozen=True):
    rate_per_s: float
    load_s: float


class SearchEnd(Struct, frozen=True):
    """``complete``: the bracket is as narrow as required, or the upper end was met."""

    complete: bool
    why: str


def next_step(settings: SearchSettings, trials: Sequence[TrialResult]) -> NextTrial | SearchEnd:
    """The search ends after at most ``settings.most_trials`` trials."""
    bracket = read_trials(settings, trials)
    if not trials:
        return _trial(settings, settings.from_per_s)
    end = _end(settings, bracket)
    if all(each.verdict == "missed" and each.through_per_s == 0 for each in trials):
        # A lower rate does not help if the target delivers no message.
        return SearchEnd(True, f"no message was delivered at {rate_text(trials[-1].rate_per_s)}")
    overload = _overload(settings, bracket) if len(trials) < settings.most_trials else None
    if bracket.repeat is None and end is not None:
        return end if overload is None else overload
    if len(trials) >= settings.most_trials:
        return SearchEnd(False, f"{len(trials)} trials were made")
    if bracket.repeat is not None:
        return NextTrial(*bracket.repeat)
    return _next(settings, bracket)


def _overload(settings: SearchSettings, bracket: Bracket) -> NextTrial | None:
    """The last trial, far above the missed rate, where no trial was a clear overload.

    A target with a reserve carries rates a little above its limit for as long as a trial lasts, and only a
    clear overload distinguishes them from rates it can sustain: a bucket of one second's tokens carries
    114 % of its rate for 7 s.
    """
    if settings.brief or bracket.overloaded or not bracket.met_per_s or math.isinf(bracket.missed_per_s):
        return None
    rate = min(_OVERLOAD * bracket.missed_per_s, settings.to_per_s)
    excess = rate / bracket.missed_per_s - 1
    return _trial(settings, rate, settings.trial_s / excess) if excess > settings.precision else None


def _beyond(settings: SearchSettings, bracket: Bracket) -> float | None:
    """The rate above an undecided one, once there is a met rate just below it: it shows the bottleneck."""
    if bracket.ceiling != "undecided" or bracket.beyond_ceiling or math.isfinite(bracket.missed_per_s):
        return None
    rate = min(_BEYOND * bracket.ceiling_per_s, settings.to_per_s)
    return rate if rate > bracket.ceiling_per_s * (1 + settings.precision) else None


def _end(settings: SearchSettings, bracket: Bracket) -> SearchEnd | None:
    met, end = bracket.met_per_s, bracket.search_end_per_s
    if met >= settings.to_per_s:
        return SearchEnd(True, f"no limit was reached up to {rate_text(met)}, the upper end of the search")
    if met == 0 and bracket.ceiling == "invalid" and end == settings.from_per_s and not settings.brief:
        # Lower rates load the bench less, but a failure at the first rate has another cause than the rate.
        return SearchEnd(False, f"the bench itself failed at {rate_text(end)}, the first rate")
    if met == 0:
        lowest = _lowest(settings)
        return SearchEnd(True, f"no rate down to {rate_text(lowest)} was met") if end <= lowest else None
    if bracket.high_per_s <= met * (1 + settings.precision):
        return SearchEnd(True, f"the bracket is narrower than {settings.precision:.1%}")
    if bracket.ceiling_per_s > end:
        return None
    if bracket.ceiling == "invalid" and end <= met * _BENCH_LIMIT:
        return SearchEnd(
            False, f"not measured beyond {rate_text(met)}: the bench itself failed at {rate_text(end)}"
        )
    if end <= met * (1 + settings.precision) and _beyond(settings, bracket) is None:
        return SearchEnd(False, f"{rate_text(end)} stayed undecided")
    return None


def _next(settings: SearchSettings, bracket: Bracket) -> NextTrial:
    met, end = bracket.met_per_s, bracket.search_end_per_s
    if math.isinf(end):
        growth = _GROWTH_IF_BRIEF if settings.brief else _GROWTH
        return _trial(settings, min(met * growth, settings.to_per_s))
    beyond = _beyond(settings, bracket)
    if met and beyond is not None and end <= met * (1 + settings.precision):
        return _trial(settings, beyond)
    floor = met or _lowest(settings) / 2
    if bracket.saturation is not None and bracket.saturation.high_per_s > met:
        led = _led(settings, bracket, bracket.saturation)
        if _between(settings, led.rate_per_s, floor, end):
            return led
    below = _below_ceiling(settings, bracket)
    if below is not None and _between(settings, below, floor, end):
        return _trial(settings, below)
    if met == 0:
        return _trial(settings, _lowest(settings))
    rate = math.sqrt(met * min(end, bracket.high_per_s))
    saturation = bracket.saturation
    if saturation is not None and _NOISY * met <= saturation.per_s <= met:
        rate = min(rate, met * (1 + _NOISY_STEP * settings.precision))
    return _trial(settings, rate)


def _below_ceiling(settings: SearchSettings, bracket: Bracket) -> float | None:
    """The rate below one that stayed undecided (the lower end of its throughput), or below one at which
    the bench of a brief search failed. None if it is better to bisect.
    """
    end = bracket.search_end_per_s
    if bracket.ceiling_per_s > end or not (settings.brief or end == settings.from_per_s):
        return None
    if bracket.ceiling == "undecided" and bracket.ceiling_through_per_s > 0:
        return min(bracket.ceiling_through_per_s, end / max(1 + settings.precision, _CLEARLY_BELOW))
    if bracket.ceiling == "invalid" and bracket.met_per_s == 0:
        return end / _SHRINK
    return None


def _led(settings: SearchSettings, bracket: Bracket, saturation: Saturation) -> NextTrial:
    """The trial that the throughput suggests: first just above it, then just below."""
    if not saturation.near:
        # Long enough to use up the reserve before the measured part; if no trial is long enough, a higher
        # rate.
        spending = saturation.reserve / (saturation.per_s * settings.longest_s * WARM_UP)
        above = min(max(2 * settings.precision, _ABOVE_LEAST, spending), _ABOVE_MOST)
        load_s = saturation.reserve / (above * saturation.per_s) / WARM_UP
        return _trial(settings, saturation.per_s * (1 + above), load_s)
    # Each further miss near it shows that the throughput varies, so the margin is wider.
    margin = settings.precision / 2 * 2.0 ** max(0, bracket.misses_near - 1)
    return _trial(settings, saturation.per_s * (1 - min(margin, _MARGIN_MOST)))


def _between(settings: SearchSettings, rate_per_s: float, low: float, high: float) -> bool:
    apart = 1 + _APART * settings.precision
    return low * apart < rate_per_s < high / apart


def _lowest(settings: SearchSettings) -> float:
    return rounded(settings.from_per_s * _LOWEST_SHARE)


def _trial(settings: SearchSettings, rate_per_s: float, load_s: float = 0.0) -> NextTrial:
    enough_s = settings.fewest_messages / rate_per_s
    longest_s = max(settings.longest_s, settings.trial_s)
    rate_per_s = min(rounded(rate_per_s), settings.to_per_s)
    return NextTrial(rate_per_s, min(max(settings.trial_s, load_s, enough_s), longest_s))


def rounded(rate_per_s: float) -> float:
    """Rounded to four significant digits."""
    if rate_per_s <= 0:
        return rate_per_s
    return round(rate_per_s, 3 - math.floor(math.log10(rate_per_s)))


def rate_text(rate_per_s: float) -> str:
    """``1,234/s``, ``297.5/s``."""
    digits = 0 if rate_per_s >= 1_000 or rate_per_s == round(rate_per_s) else 1
    return f"{rate_per_s:,.{digits}f}/s"
