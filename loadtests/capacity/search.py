"""Which rate to try next, and when the search is over: pure functions of the trials made so far.

The rate grows threefold until an objective is missed. Then the throughput of the missed trials selects the
next rates: one a little above it and one a little below it. If the upper one is missed too, the throughput
does not grow beyond the knee and is the capacity. A rate that stayed undecided is near the limit: a clear
overload above it shows the throughput. If throughput does not help, because the limit is a delay or the
target does less under overload, the bracket is bisected in equal ratios.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from loadtests.capacity.bracket import (
    WARM_UP,
    Bracket,
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
_NARROW = 0.9  # precisions: a bracket of this width is narrow enough, also if its ends are rounded
_APART = 0.25  # precisions between two rates that are worth two trials
_LOWEST_SHARE = 0.1  # of the first rate: the last trial if no rate was met
_SHRINK = 3.0  # factor below a first rate at which the bench failed
_CLEARLY_BELOW = 0.25  # at most this share below a rate near the limit, if the precision is not coarser
_OVERLOAD = 2.0  # times the lowest missed rate: it spends a reserve in the warm-up
_WHOLE_FROM_PER_S = 1_000.0  # rates from here on are shown without decimals
_MOST_PLACES = 6
_AFTER_CONFIRMATION = 3  # trials that are left for a lower rate, if the confirmation fails
# Of the throughput: a brief search has no trial for a rate near it. Squared below the first rate.
_SURELY_BELOW = 0.6
_RANDOM = 0.25  # precisions: a target whose throughput has a larger standard error has random times
_BEYOND = 1.75  # times a rate that stayed undecided: a clear overload


class NextTrial(Struct, frozen=True):
    rate_per_s: float
    load_s: float


class SearchEnd(Struct, frozen=True):
    """``complete``: the bracket is as narrow as required, or the upper end was met."""

    complete: bool
    why: str


def next_step(settings: SearchSettings, trials: Sequence[TrialResult]) -> NextTrial | SearchEnd:
    """The next trial, or the end of the search, which comes after at most ``settings.most_trials`` trials."""
    bracket = read_trials(settings, trials)
    if not trials:
        return _trial(settings, settings.from_per_s)
    if all(each.verdict == "missed" and each.through_per_s == 0 for each in trials):
        # A lower rate does not help if the target delivers no message.
        return SearchEnd(True, f"no message was delivered at {rate_text(trials[-1].rate_per_s)}")
    end = _end(settings, bracket)
    if bracket.repeat is None:
        overload = _overload(settings, bracket)
        if overload is not None and len(trials) < settings.most_trials:
            return overload
        again = _confirmation(settings, bracket, trials)
        left = settings.most_trials - len(trials) - 1 - _AFTER_CONFIRMATION
        if again is not None and (left == 0 or (end is not None and left > 0)):
            return again
        if end is not None:
            return end
    if len(trials) >= settings.most_trials:
        return SearchEnd(False, f"{trials_text(len(trials))} {'was' if len(trials) == 1 else 'were'} made")
    if bracket.repeat is not None:
        return NextTrial(*bracket.repeat)
    return _next(settings, bracket)


def _confirmation(
    settings: SearchSettings, bracket: Bracket, trials: Sequence[TrialResult]
) -> NextTrial | None:
    """The highest met rate once more, as long as a trial can be, if the target has random times: in a short
    trial it can be met by chance, above the capacity.
    """
    met, known = bracket.met_per_s, bracket.saturation
    if settings.brief or not 0 < met < settings.to_per_s or known is None:
        return None
    errors = [each.through_error_per_s for each in trials if each.verdict == "missed"]
    if min((each for each in errors if each), default=0.0) <= _RANDOM * settings.precision * known.per_s:
        return None
    if any(each.rate_per_s == met and each.load_s >= settings.longest_s for each in trials):
        return None
    return NextTrial(met, settings.longest_s)


def _overload(settings: SearchSettings, bracket: Bracket) -> NextTrial | None:
    """The trial far above the first missed rate, where that was not a clear overload.

    A target with a reserve sustains rates a little above its limit for as long as a trial lasts, and only a
    clear overload distinguishes them from rates it can sustain: a bucket of one second's tokens passes
    114 % of its rate for 7 s. The upper end of the search, if that was missed, is offered for longer.
    """
    missed = bracket.missed_per_s
    if settings.brief or bracket.overloaded or not bracket.met_per_s or math.isinf(missed):
        return None
    rate = min(_OVERLOAD * missed, settings.to_per_s)
    excess = rate / missed - 1
    if excess <= settings.precision:
        return _trial(settings, rate, settings.longest_s) if bracket.saturation is not None else None
    return _trial(settings, rate, settings.trial_s / excess)


def _end(settings: SearchSettings, bracket: Bracket) -> SearchEnd | None:
    met, end = bracket.met_per_s, bracket.search_end_per_s
    if met >= settings.to_per_s:
        return SearchEnd(True, f"no limit was reached up to {rate_text(met)}, the upper end of the search")
    if bracket.high_per_s <= met * (1 + settings.precision):
        return SearchEnd(True, f"the interval is no wider than {percent(settings.precision)}")
    if bracket.ceiling_per_s > end:
        lowest = _lowest(settings)
        return SearchEnd(True, f"no rate down to {rate_text(lowest)} was met") if end <= lowest else None
    if bracket.ceiling == "invalid":
        return _end_below_failure(settings, met, end)
    near = end <= met * (1 + settings.precision) or end <= _lowest(settings)
    if near and _above_ceiling(settings, bracket) is None:
        return SearchEnd(False, f"{rate_text(end)} stayed undecided")
    return None


def _end_below_failure(settings: SearchSettings, met_per_s: float, failed_per_s: float) -> SearchEnd | None:
    """The bench itself failed at ``failed_per_s``. Lower rates load it less."""
    if met_per_s == 0 and not settings.brief and failed_per_s == _rate(settings, settings.from_per_s):
        # A failure at the first rate has another cause than the rate.
        return SearchEnd(False, f"the bench itself failed at {rate_text(failed_per_s)}, the first rate")
    if failed_per_s <= max(met_per_s * _BENCH_LIMIT, _lowest(settings)):
        beyond = f"beyond {rate_text(met_per_s)}" if met_per_s else f"below {rate_text(failed_per_s)}"
        return SearchEnd(
            False, f"not measured {beyond}: the bench itself failed at {rate_text(failed_per_s)}"
        )
    return None


def _next(settings: SearchSettings, bracket: Bracket) -> NextTrial:
    met, end = bracket.met_per_s, bracket.search_end_per_s
    if math.isinf(end):
        growth = _GROWTH_IF_BRIEF if settings.brief else _GROWTH
        return _trial(settings, met * growth)
    floor = met or _lowest(settings) / 2
    above = _above_ceiling(settings, bracket)
    if above is not None:
        return above
    found = _by_throughput(settings, bracket)
    if found is not None and _between(settings, found.rate_per_s, floor, end):
        return found
    # A rate that stayed undecided needed the longest trial; a rate near it needs one too.
    load_s = settings.longest_s if bracket.ceiling == "undecided" and bracket.ceiling_per_s == end else 0.0
    below = _below_ceiling(settings, bracket)
    if below is not None and _between(settings, below, floor, end):
        return _trial(settings, below, load_s)
    if met == 0:
        return _trial(settings, _lowest(settings))
    rate = math.sqrt(met * min(end, bracket.high_per_s))
    saturation = bracket.saturation
    if saturation is not None and _NOISY * met <= saturation.per_s <= met:
        rate = min(rate, met * (1 + _NOISY_STEP * settings.precision))
    if bracket.missed_late:
        rate = max(rate, end / _clearly(settings))
    return _trial(settings, rate, load_s)


def _above_ceiling(settings: SearchSettings, bracket: Bracket) -> NextTrial | None:
    """A trial above a rate that stayed undecided, which shows what the target can do: where its throughput
    leads to, if that is known, otherwise at a clear overload.

    A brief search first looks for a met rate just below it.
    """
    ceiling, missed = bracket.ceiling_per_s, bracket.missed_per_s
    if bracket.ceiling != "undecided" or bracket.above_undecided or ceiling > missed:
        return None
    if settings.brief and (not bracket.met_per_s or ceiling > bracket.met_per_s * (1 + settings.precision)):
        return None
    found = _by_throughput(settings, bracket)
    if found is not None and _between(settings, found.rate_per_s, ceiling, missed):
        return found
    beyond = min(_BEYOND * ceiling, settings.to_per_s)
    if math.isfinite(missed) and bracket.saturation is None:
        if bracket.met_per_s:
            return None  # the limit is a delay: the throughput would not help
        beyond = math.sqrt(ceiling * missed)
    apart = 1 + settings.precision
    return _trial(settings, beyond) if ceiling * apart < beyond < missed / apart else None


def _below_ceiling(settings: SearchSettings, bracket: Bracket) -> float | None:
    """The rate below one that stayed undecided (the lower end of its throughput), or below one at which
    the bench of a brief search failed. None if it is better to bisect.
    """
    end = bracket.search_end_per_s
    if bracket.ceiling_per_s > end:
        return None
    if bracket.ceiling == "undecided" and bracket.ceiling_through_per_s > 0:
        return min(bracket.ceiling_through_per_s, end / _clearly(settings))
    if bracket.ceiling == "invalid" and bracket.met_per_s == 0 and settings.brief:
        return end / _SHRINK
    return None


def _clearly(settings: SearchSettings) -> float:
    """How many times lower a rate is that is clearly below one near the limit."""
    return 1 + max(settings.precision, min(_NOISY_STEP * settings.precision, _CLEARLY_BELOW))


def _by_throughput(settings: SearchSettings, bracket: Bracket) -> NextTrial | None:
    """The trial that the throughput suggests: first just above it, then just below.

    In a brief search without a met rate: clearly below it, also if the backlog did not grow. The target then
    did all that was offered, and its limit is a delay.
    """
    if settings.brief and not bracket.met_per_s and bracket.missed_through_per_s > 0:
        known_per_s = min(bracket.missed_through_per_s, bracket.missed_per_s)
        first = bracket.missed_per_s >= settings.from_per_s
        return _trial(settings, known_per_s * _SURELY_BELOW ** (1 if first else 2))
    saturation = bracket.saturation
    if saturation is None:
        return None
    if not saturation.near:
        # Long enough to use up the reserve before the measured part; if no trial is long enough, a higher
        # rate.
        spending = saturation.reserve / (saturation.per_s * settings.longest_s * WARM_UP)
        above = min(max(2 * settings.precision, _ABOVE_LEAST, spending), _ABOVE_MOST)
        load_s = saturation.reserve / (above * saturation.per_s) / WARM_UP
        rate = saturation.per_s * (1 + above)
        return _trial(settings, rate if bracket.met_per_s else max(rate, _lowest(settings)), load_s)
    # Each further miss near it shows that the throughput varies, so the margin is wider.
    margin = settings.precision / 2 * 2.0 ** max(0, bracket.misses_near - 1)
    below = saturation.per_s * (1 - min(margin, _MARGIN_MOST))
    if bracket.ceiling == "undecided" and not below < bracket.ceiling_per_s / _apart(settings):
        # The lowest rate at which the bracket is narrow enough.
        below = min(below, bracket.high_per_s / (1 + _NARROW * settings.precision))
    return _trial(settings, below)


def _between(settings: SearchSettings, rate_per_s: float, low: float, high: float) -> bool:
    return low * _apart(settings) < rate_per_s < high / _apart(settings)


def _apart(settings: SearchSettings) -> float:
    return 1 + _APART * settings.precision


def _lowest(settings: SearchSettings) -> float:
    return rounded(settings.from_per_s * _LOWEST_SHARE)


def _trial(settings: SearchSettings, rate_per_s: float, load_s: float = 0.0) -> NextTrial:
    enough_s = settings.fewest_messages / rate_per_s
    longest_s = max(settings.longest_s, settings.trial_s)
    return NextTrial(_rate(settings, rate_per_s), min(max(settings.trial_s, load_s, enough_s), longest_s))


def _rate(settings: SearchSettings, rate_per_s: float) -> float:
    """Rounded, but the upper end of the search exactly: the search ends when that is met."""
    return (
        settings.to_per_s if rate_per_s >= settings.to_per_s else min(rounded(rate_per_s), settings.to_per_s)
    )


def rounded(rate_per_s: float) -> float:
    """Rounded to four significant digits."""
    if rate_per_s <= 0:
        return rate_per_s
    return round(rate_per_s, 3 - math.floor(math.log10(rate_per_s)))


def rate_text(rate_per_s: float) -> str:
    """``1,234/s``, ``297.5/s``."""
    return f"{rate_per_s:,.{_places(rate_per_s)}f}/s"


def interval_texts(low_per_s: float, high_per_s: float) -> tuple[str, str]:
    """Both ends with the same number of decimals, enough to tell them apart: ``60.00/s``, ``60.04/s``."""
    first = max(_places(low_per_s), _places(high_per_s))
    for places in range(first, _MOST_PLACES + 1):
        low, high = (f"{each:,.{places}f}/s" for each in (low_per_s, high_per_s))
        if low != high or low_per_s == high_per_s:
            break
    return low, high


def _places(rate_per_s: float) -> int:
    return 0 if rate_per_s >= _WHOLE_FROM_PER_S or rate_per_s == round(rate_per_s) else 1


def trials_text(count: int) -> str:
    return f"{count} trial" + ("" if count == 1 else "s")


def percent(share: float) -> str:
    """``20 %``, ``0.5 %``."""
    return f"{100 * share:.3g} %"
