"""The bracket of all trials of a search. Values and pure functions without clock or random numbers.

Rates are messages per second. Two kinds of evidence come from a trial. Its *verdict* moves the bracket: a
rate that met every objective is its lower end, a rate that missed one its upper end. Its *throughput* says
where to look: an overloaded target still works at its limit, so that the throughput of a trial whose
backlog grew is an estimate of the capacity. It is not a proof: some targets do less under overload.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

MOST_TRIALS = 12
NEAR = 1.25  # a missed rate up to this many times the throughput lies just above the knee
FLAT = 0.05
_SATURATED = 0.99  # of the offered rate: a trial that did more was not limited by the target
_LONGER = 2.0
WARM_UP = 0.4  # of a trial: the reserve must be spent by then
_SHOWN_BY = 0.75  # of a trial: what the target does from then on shows in the steady part at the latest
_GROWTH_SHARE = 0.01  # of the offered rate: the threshold of ``analysis.measure.steady``
_GROWTH_TOLERATED = 5.0  # messages in a trial, as ``analysis.measure.steady`` tolerates them
_GROWTH_OF_PRECISION = 0.1

TrialVerdict = Literal["met", "missed", "undecided", "invalid"]


class SearchSettings(Struct, frozen=True, kw_only=True):
    """``precision``: the search ends when the bracket's ends are closer than this share of the lower one.

    A trial's load lasts ``trial_s``, longer if that gives fewer than ``fewest_messages`` or if it could
    not be decided, and never more than ``longest_s``. A trial in which the bench failed is repeated once;
    a ``brief`` search of a few trials continues below it immediately.
    """

    from_per_s: float = 50.0
    to_per_s: float = 5_000.0
    precision: float = 0.02
    trial_s: float = 8.0
    longest_s: float = 32.0
    fewest_messages: int = 500
    most_trials: int = MOST_TRIALS
    brief: bool = False

    @property
    def tolerated_growth(self) -> float:
        """Growth up to this share of the offered rate counts as no growth. 0: the tolerance of the steady
        part applies.
        """
        share = self.precision * _GROWTH_OF_PRECISION
        return share if share > _GROWTH_SHARE else 0.0


class TrialResult(Struct, frozen=True, kw_only=True):
    """One trial. ``through_*`` is the throughput of its steady part with the ends of a 95 % interval.

    ``through_error_per_s`` is its standard error for a target with random times. ``sustained``: the backlog
    did not grow; None if that is unknown. ``reserve`` is how many messages the target did at first beyond its
    steady rate: a bucket's burst, free space in a buffer.
    """

    rate_per_s: float
    load_s: float
    verdict: TrialVerdict
    sustained: bool | None
    through_per_s: float
    through_low_per_s: float
    through_high_per_s: float
    through_error_per_s: float = 0.0
    reserve: float = 0.0
    why: str = ""
    bottlenecks: tuple[str, ...] = ()
    bottleneck_kinds: tuple[str, ...] = ()  # of each
    judged: tuple[str, ...] = ()  # the objectives that were certainly met or missed
    place: str = ""
    profile_limits: str = "unknown"


class Saturation(Struct, frozen=True):
    """The throughput of the lowest missed rate, if the target was saturated there."""

    at_per_s: float  # the rate that was offered
    per_s: float
    low_per_s: float
    high_per_s: float
    reserve: float

    @property
    def near(self) -> bool:
        return self.at_per_s <= NEAR * self.per_s

    @property
    def flat(self) -> bool:
        """It did not change during the trial. If it did, the target may have reached its limit only then."""
        return self.high_per_s - self.low_per_s <= FLAT * self.per_s


class Bracket(Struct, frozen=True, kw_only=True):
    """``met_per_s`` 0: no rate was met. ``missed_per_s`` and ``ceiling_per_s`` are infinite if there is
    none. The ceiling is a rate at which the bench itself failed, or that stayed undecided: it bounds the
    search and shows nothing about the target. ``missed_through_per_s``: throughput at the missed rate.
    ``ceiling_through_per_s``: lower end of the throughput at an undecided ceiling. ``above_undecided``: a
    trial above an undecided ceiling decided nothing either. ``missed_late``: the lowest missed rate was
    undecided at first, so that it is near the limit. ``overloaded``: a trial has spent what the target may
    have in reserve, or has tried to. ``repeat``: rate and length of a trial that must be repeated.
    """

    met_per_s: float = 0.0
    missed_per_s: float = math.inf
    missed_through_per_s: float = 0.0
    ceiling_per_s: float = math.inf
    ceiling: Literal["", "invalid", "undecided"] = ""
    ceiling_through_per_s: float = 0.0
    above_undecided: bool = False
    missed_late: bool = False
    saturation: Saturation | None = None
    misses_near: int = 0
    overloaded: bool = False
    repeat: tuple[float, float] | None = None  # (rate, load_s)

    @property
    def search_end_per_s(self) -> float:
        """The search looks below this."""
        return min(self.missed_per_s, self.ceiling_per_s)

    @property
    def high_per_s(self) -> float:
        """The capacity is not above this; infinite without a missed rate.

        The throughput just above the knee is an upper bound too: the target did not do more when it was
        offered a little more, so that its backlog grew. A rate slightly above it can be met, since a trial
        tolerates a little growth: then no rate is met whose growth would be more than that.
        """
        known = self.saturation
        if known is None or not (known.near and known.flat):
            return self.missed_per_s
        bounds = (known.high_per_s, known.high_per_s / (1 - _GROWTH_SHARE), self.missed_per_s)
        return min(self.missed_per_s, next(each for each in bounds if each > self.met_per_s))


def read_trials(settings: SearchSettings, trials: Sequence[TrialResult]) -> Bracket:
    """The bracket after these trials, in their order. From the first miss on its upper end never rises. Its
    lower end falls only where a later trial shows that the target's throughput is lower.
    """
    bracket, trials = Bracket(), _without_refuted(trials)
    for number, trial in enumerate(trials):
        bracket = _with_trial(settings, replace(bracket, repeat=None), trials[:number], trial)
    return bracket


def _without_refuted(trials: Sequence[TrialResult]) -> list[TrialResult]:
    return [trial for number, trial in enumerate(trials) if not is_refuted(trials, number)]


def is_refuted(trials: Sequence[TrialResult], number: int) -> bool:
    """Whether this trial was met by chance: a later and longer one at its rate was not."""
    trial = trials[number]
    longer = (each for each in trials[number + 1 :] if _same(each, trial) and each.load_s > trial.load_s)
    return trial.verdict == "met" and any(each.verdict in ("missed", "undecided") for each in longer)


def _with_trial(
    settings: SearchSettings, bracket: Bracket, before: Sequence[TrialResult], trial: TrialResult
) -> Bracket:
    rate = trial.rate_per_s
    if rate >= bracket.missed_per_s:
        return _with_overload(settings, bracket, before, trial)
    above = bracket.ceiling == "undecided" and rate > bracket.ceiling_per_s
    if not bracket.met_per_s < rate < (bracket.missed_per_s if above else bracket.search_end_per_s):
        return bracket  # already in the bracket
    if trial.verdict == "missed":
        again_s = _longer_if_by_chance(settings, bracket, before, trial)
        if again_s is not None:
            return replace(bracket, repeat=(rate, again_s))
        return _with_miss(settings, bracket, before, trial)
    if trial.verdict == "invalid" and not above:
        return _with_failure(settings, bracket, before, trial)
    longer_s = trial.load_s if trial.verdict == "invalid" else _longer_to_count(settings, bracket, trial)
    if longer_s is None:
        # A rate that is met above an undecided one: that would have been met, too.
        return _without_ceiling(bracket, rate) if above else replace(bracket, met_per_s=rate)
    if trial.load_s < longer_s:
        return replace(bracket, repeat=(rate, longer_s))
    return replace(bracket, above_undecided=True) if above else _undecided_ceiling(bracket, trial)


def _longer_to_count(settings: SearchSettings, bracket: Bracket, trial: TrialResult) -> float | None:
    """How long a trial that is not missed must last to count as met, in seconds. None if it does."""
    if trial.verdict == "undecided":
        return min(_LONGER * trial.load_s, settings.longest_s)
    if trial.rate_per_s >= settings.to_per_s and not settings.brief and trial.load_s < settings.longest_s:
        return settings.longest_s  # no overload can show whether it used a reserve
    return _longer_if_reserve(settings, bracket.saturation, trial)


def _longer_if_by_chance(
    settings: SearchSettings, bracket: Bracket, before: Sequence[TrialResult], trial: TrialResult
) -> float | None:
    """How long a missed trial must last to count, in seconds. None if it counts.

    Its backlog grew at a rate below the throughput that the target has shown. Random arrivals, or a target
    that varies, can be the cause. So the trial is repeated.
    """
    known, longer_s = bracket.saturation, min(_LONGER * trial.load_s, settings.longest_s)
    if known is None or trial.sustained is not False or trial.rate_per_s > known.low_per_s:
        return None
    again = any(_same(each, trial) and each.verdict == "missed" for each in before)
    return None if settings.brief or again or trial.load_s >= longer_s else longer_s


def _with_failure(
    settings: SearchSettings, bracket: Bracket, before: Sequence[TrialResult], trial: TrialResult
) -> Bracket:
    """The bench itself failed. Another program may be the cause, so such a trial is repeated."""
    rate = trial.rate_per_s
    if settings.brief or any(_same(each, trial) and each.verdict == "invalid" for each in before):
        return replace(bracket, ceiling_per_s=rate, ceiling="invalid")
    return replace(bracket, repeat=(rate, trial.load_s))


def _undecided_ceiling(bracket: Bracket, trial: TrialResult) -> Bracket:
    return replace(
        bracket,
        ceiling_per_s=trial.rate_per_s,
        ceiling="undecided",
        ceiling_through_per_s=trial.through_low_per_s,
        above_undecided=bracket.above_undecided or bracket.ceiling == "undecided",  # another one above it
    )


def _without_ceiling(bracket: Bracket, met_per_s: float) -> Bracket:
    return replace(bracket, met_per_s=met_per_s, ceiling_per_s=math.inf, ceiling="", above_undecided=False)


def _with_miss(
    settings: SearchSettings, bracket: Bracket, before: Sequence[TrialResult], trial: TrialResult
) -> Bracket:
    saturation = _saturation_after(bracket, trial)
    near = saturation is not None and saturation.near
    known = bracket.overloaded
    bracket = replace(
        bracket,
        missed_per_s=trial.rate_per_s,
        missed_through_per_s=trial.through_per_s,
        saturation=saturation,
        missed_late=any(_same(each, trial) and each.verdict == "undecided" for each in before),
        misses_near=bracket.misses_near + near,
        overloaded=bracket.overloaded or spends_reserve(settings, trial),
    )
    if known:
        return bracket  # a clear overload has shown the reserve; more of it now is a target that collapses
    # What this trial shows about the target's throughput was not known when lower rates were met.
    return _with_met_end(settings, bracket, _met_below(trial.rate_per_s, before))


def _saturation_after(bracket: Bracket, trial: TrialResult) -> Saturation | None:
    """The throughput of a clear overload stays, if this trial was too short to spend the reserve or shows
    no throughput.
    """
    found, known = saturation_of(trial), bracket.saturation
    if known is None or not bracket.overloaded or trial.rate_per_s <= known.high_per_s:
        return found
    if found is not None and found.reserve <= (found.at_per_s - found.per_s) * WARM_UP * trial.load_s:
        return found
    return _at(trial.rate_per_s, known)


def _with_overload(
    settings: SearchSettings, bracket: Bracket, before: Sequence[TrialResult], trial: TrialResult
) -> Bracket:
    """A trial far above the missed rate. It shows what the target does once any reserve is spent."""
    bracket = replace(bracket, overloaded=True)
    found, missed = saturation_of(trial), bracket.missed_per_s
    if found is None:
        return bracket
    shown = replace(bracket, saturation=_at(missed, found))
    lowered = _with_met_end(settings, shown, _met_below(missed, before))
    tried_s = max(each.load_s for each in before if each.rate_per_s == missed)
    if lowered.met_per_s < bracket.met_per_s or found.reserve > (missed - found.per_s) * WARM_UP * tried_s:
        return lowered
    return bracket


def _at(rate_per_s: float, known: Saturation) -> Saturation:
    """The throughput of a clear overload, for a lower missed rate."""
    return replace(known, at_per_s=rate_per_s)


def _met_below(rate_per_s: float, trials: Sequence[TrialResult]) -> list[TrialResult]:
    return [each for each in trials if each.verdict == "met" and each.rate_per_s < rate_per_s]


def _same(one: TrialResult, other: TrialResult) -> bool:
    return one.rate_per_s == other.rate_per_s


def _with_met_end(settings: SearchSettings, bracket: Bracket, met: Sequence[TrialResult]) -> Bracket:
    """The bracket whose lower end is the highest rate that was met and cannot have used a reserve. The
    lowest of those that can have is repeated for longer; if it has lasted as long as it can, it is undecided.
    """
    bracket = replace(bracket, met_per_s=0.0)
    for trial in sorted({each.rate_per_s: each for each in met}.values(), key=lambda each: each.rate_per_s):
        longer_s = _longer_if_reserve(settings, bracket.saturation, trial)
        if longer_s is None:
            bracket = replace(bracket, met_per_s=trial.rate_per_s)
        elif trial.load_s < longer_s:
            return replace(bracket, repeat=(trial.rate_per_s, longer_s))
        else:
            return _undecided_ceiling(bracket, trial) if trial.rate_per_s < bracket.ceiling_per_s else bracket
    return bracket


def spends_reserve(settings: SearchSettings, trial: TrialResult) -> bool:
    """Whether its overload spends a reserve in the warm-up: with trials of 8 s a reserve of up to 1.6 s of
    the target's throughput. The steady part begins later if a larger one lasts longer.
    """
    return (
        trial.rate_per_s - trial.through_per_s
    ) * trial.load_s >= trial.through_per_s * settings.trial_s / 2


def saturation_of(trial: TrialResult) -> Saturation | None:
    """None unless the target was saturated: it did less than it was offered, and its backlog grew or, if
    that was not certain in a missed trial, its throughput was certainly less.
    """
    most_per_s = _SATURATED * trial.rate_per_s
    less = trial.through_low_per_s < trial.through_high_per_s < most_per_s and trial.verdict == "missed"
    saturated = trial.sustained is False or (trial.sustained is None and less)
    if not saturated or not 0 < trial.through_per_s < most_per_s:
        return None
    return Saturation(
        trial.rate_per_s,
        trial.through_per_s,
        trial.through_low_per_s,
        trial.through_high_per_s,
        trial.reserve,
    )


def _longer_if_reserve(
    settings: SearchSettings, saturation: Saturation | None, trial: TrialResult
) -> float | None:
    """How long a met trial must last to count, in seconds. None if it counts as it is.

    It did more than the target's throughput under overload. Either the target does less under overload, or
    the trial was too short to spend a reserve: a token bucket of burst b admits r messages per second above
    its rate c for b / (r - c) seconds.
    """
    if saturation is None or trial.rate_per_s <= saturation.high_per_s * (1 + settings.precision / 2):
        return None
    excess_per_s = trial.rate_per_s - saturation.per_s
    noise = settings.precision / 2 * trial.rate_per_s * trial.load_s + _GROWTH_TOLERATED
    if excess_per_s * trial.load_s * _SHOWN_BY > saturation.reserve + noise:
        return None
    wanted_s = max(_LONGER * trial.load_s, saturation.reserve / excess_per_s / WARM_UP)
    return min(wanted_s, settings.longest_s)
