"""The result of a search: as ``capacity.json`` and as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from msgspec import Struct
from msgspec.structs import replace

from analysis.capacity_record import (
    ALLOWS_FOR_CHANCE,
    OWN_LIMIT,
    CapacityResult,
    Trial,
    allows_for_chance,
    kinds_of,
)
from loadtests.arrivals import DAY_S, DayCurve, peak_rate_per_s
from loadtests.capacity.bracket import (
    MOST_TRIALS,
    Bracket,
    SearchSettings,
    TrialResult,
    is_refuted,
    read_trials,
    saturation_of,
)
from loadtests.capacity.search import interval_texts, percent, rate_text, rounded
from loadtests.capacity.verdict import BACKLOG

INTERRUPTED = "interrupted"  # why a search ended
_WIDER = "the throughput under overload leaves a wider interval"  # the same
_T_95 = 2.262  # Student's t, 9 degrees of freedom, two-sided 95 %
_REFERENCE = "reference_sender"
_APART = 1.1  # times the lower rate: two rates that differ clearly
_SAME = 1.03  # times the lower throughput: the same one
_SAMPLE_DAY = 1_000_000
_REFUTED = "does not count, since a longer load at this rate was not met"
_MADE_AGAIN = "repeated for longer, since the target has shown a higher throughput"


class Searched(Struct, frozen=True, kw_only=True):
    """``ended``: why the search ended, as text. ``interrupted_per_s``: the rate of the trial in which the
    user ended it; that trial is not judged.
    """

    profile: str
    target: str
    objectives: tuple[str, ...]
    ended: str
    interrupted_per_s: float | None = None


def per_day(rate_per_s: float) -> float:
    """Messages of a day whose busiest hour has this rate, on the business day's curve (docs/load.md)."""
    return rate_per_s / peak_rate_per_s(DayCurve(_SAMPLE_DAY)) * _SAMPLE_DAY


def peak_to_mean() -> float:
    return DAY_S / per_day(1.0)


def capacity_result(
    settings: SearchSettings, trials: Sequence[TrialResult], searched: Searched
) -> CapacityResult:
    bracket = read_trials(settings, trials)
    met, low_per_s, high_per_s = bracket.met_per_s, *interval_per_s(settings, bracket, trials)
    wide = met and met < settings.to_per_s and high_per_s > low_per_s * (1 + settings.precision) * (1 + 1e-9)
    precise = _precise(settings, bracket)
    above = bottlenecks_above(bracket, trials, searched.target)
    return CapacityResult(
        profile=searched.profile,
        profile_limits=next((each.profile_limits for each in trials if each.verdict != "invalid"), "unknown"),
        target=searched.target,
        objectives=searched.objectives,
        sustained_per_s=met or None,
        low_per_s=low_per_s,
        high_per_s=high_per_s if math.isfinite(high_per_s) else None,
        messages_per_day=per_day(met) if met else None,
        bottlenecks=tuple(text for _, text in above),
        bottleneck_kinds=kinds_of([kind for kind, _ in above]),
        trials=_recorded(settings, trials),
        ended=_WIDER if wide and precise and searched.ended != INTERRUPTED else searched.ended,
        interrupted_per_s=searched.interrupted_per_s,
        precision_missed=None if precise and not wide else settings.precision,
        brief=settings.brief,
    )


def interval_per_s(
    settings: SearchSettings, bracket: Bracket, trials: Sequence[TrialResult]
) -> tuple[float, float]:
    """The ends of the capacity's interval: those of the bracket, and those of the throughput under overload.

    A single trial decides on which side a rate lies, and for a target with random times that can be chance.
    What such a target does under overload has an interval. The most exact one counts. One below a rate that
    was met does not: then the target does less under overload, and its throughput is not the capacity.
    """
    met, high_per_s = bracket.met_per_s, upper_end_per_s(settings, bracket)
    saturated = [each for each in trials if each.sustained is False and saturation_of(each) is not None]
    spread = [(_T_95 * each.through_error_per_s, each.through_per_s) for each in saturated]
    known = [(error, per_s) for error, per_s in spread if met and per_s + error >= met]
    if not known or bracket.saturation is None:  # without it the limit is a delay
        return met, high_per_s
    error, per_s = min(known)
    return min(met, per_s - error), max(high_per_s, per_s + error)


def upper_end_per_s(settings: SearchSettings, bracket: Bracket) -> float:
    """The lowest missed rate, or a lower bound by the throughput. The throughput alone does not make the
    interval narrower than the precision: no trial distinguishes such rates.
    """
    least = bracket.met_per_s * (1 + settings.precision)
    return min(bracket.missed_per_s, max(bracket.high_per_s, least))


def _precise(settings: SearchSettings, bracket: Bracket) -> bool:
    """Whether the interval is as narrow as asked, or empty: no rate was met, or the highest one was."""
    met = bracket.met_per_s
    narrow = bracket.high_per_s <= met * (1 + settings.precision)
    return not met or met >= settings.to_per_s or narrow


def shown_trial(settings: SearchSettings, trials: Sequence[TrialResult]) -> str | None:
    """The place of the trial that the report shows: of the highest met rate, otherwise of the lowest missed
    one, otherwise of the last undecided one.

    Only one of them: a page with YES for one rate and NO for another would have no verdict.
    """
    bracket = read_trials(settings, trials)
    last = {(each.verdict, each.rate_per_s): each.place for each in trials}
    undecided = [each.place for each in trials if each.verdict == "undecided"]
    decided = last.get(("met", bracket.met_per_s)) or last.get(("missed", bracket.missed_per_s))
    return decided or (undecided[-1] if undecided else None)


def bottlenecks_above(
    bracket: Bracket, trials: Sequence[TrialResult], target: str
) -> tuple[tuple[str, str], ...]:
    """Kind and text of the bottleneck at the lowest missed rate; if its report names none, or its cause is
    unknown, at the next rate above it. If none is known, that the throughput was the same at two rates.
    """
    missed = sorted(
        (each for each in trials if each.verdict == "missed" and each.rate_per_s >= bracket.missed_per_s),
        key=lambda each: each.rate_per_s,
    )
    named = [_named(each) for each in missed if each.bottlenecks]
    known = [each for each in named if any(kind != "unknown" for kind, _ in each)]
    same = _same_throughput(target, missed)
    if same and not known:
        return (("sender_rate", same),)
    return next(iter(known or named), ())


def _same_throughput(target: str, missed: Sequence[TrialResult]) -> str:
    """``mine forwards the same rate at 41.6/s and at 60/s: ...``, from two rates that differ clearly, on a
    profile without limits; else "". The samples of the reference sender say more.
    """
    if target == _REFERENCE:
        return ""
    overloaded = [each for each in missed if each.sustained is False and each.through_per_s > 0]
    for low, high in combinations(overloaded, 2):
        limited = any(each.profile_limits != "none" for each in (low, high))
        apart = high.rate_per_s >= _APART * low.rate_per_s
        through = sorted((low.through_per_s, high.through_per_s))
        if not limited and apart and through[1] <= _SAME * through[0]:
            offered = f"at {rate_text(low.rate_per_s)} and at {rate_text(high.rate_per_s)}"
            return f"{target} forwards the same rate {offered}: {OWN_LIMIT}"
    return ""


def _named(trial: TrialResult) -> tuple[tuple[str, str], ...]:
    return tuple(zip(trial.bottleneck_kinds, trial.bottlenecks, strict=True))


def bracket_text(settings: SearchSettings, trials: Sequence[TrialResult]) -> str:
    """``capacity between 150/s and 300/s``.

    While the search continues, a bound by the throughput is as coarse as the precision: a rate up to that
    share above it can be met. So the upper end does not rise later, and is not below the throughput beside
    it.
    """
    bracket = read_trials(settings, trials)
    if not trials:
        return "no trial was made"
    if math.isinf(bracket.high_per_s):
        return f"capacity at least {rate_text(bracket.met_per_s)}" if bracket.met_per_s else "no rate met yet"
    if not bracket.met_per_s:
        return f"capacity below {rate_text(bracket.high_per_s)}"
    coarse_per_s = min(bracket.missed_per_s, bracket.high_per_s * (1 + settings.precision))
    end_per_s = upper_end_per_s(settings, bracket) if _precise(settings, bracket) else coarse_per_s
    low, high = interval_texts(bracket.met_per_s, end_per_s)
    return f"capacity between {low} and {high}"


def too_short(settings: SearchSettings, trials: Sequence[TrialResult]) -> tuple[int, float] | None:
    """The position of the met trial that is too short to count, and the load in seconds with which it counts.

    A short trial can be met with a reserve of the target: a burst, a buffer.
    """
    repeat = read_trials(settings, trials).repeat
    met = [
        number
        for number, each in enumerate(trials)
        if repeat and each.verdict == "met" and each.rate_per_s == repeat[0]
    ]
    return (met[-1], repeat[1]) if repeat and met else None


def last_trial_text(settings: SearchSettings, trials: Sequence[TrialResult]) -> str:
    """``450/s: missed (the backlog grew by 150/s); throughput 300/s``."""
    short = too_short(settings, trials)
    text = _trial_text(trials[-1])
    if short is not None and short[0] == len(trials) - 1:
        text += f"; it does not count yet, since {_short_text(trials[-1].load_s, short[1])}"
    repeat = read_trials(settings, trials).repeat
    if repeat is not None and trials[-1].verdict == "missed" and trials[-1].rate_per_s == repeat[0]:
        text += f"; {_MADE_AGAIN}"
    return text


def _short_text(load_s: float, needed_s: float) -> str:
    return f"{load_s:g} s are too short to rule out a reserve of the target: that needs {needed_s:g} s"


def _trial_text(trial: TrialResult) -> str:
    text = f"{rate_text(trial.rate_per_s)}: {trial.verdict} ({trial.why})"
    if trial.verdict == "missed":
        text += f"; throughput {rate_text(trial.through_per_s)}"
    return text


def unjudged(
    settings: SearchSettings, trials: Sequence[TrialResult], objectives: Sequence[str]
) -> tuple[str, ...]:
    """The objectives that were not judged at the sustained rate; without one, those that no trial judged."""
    shown = shown_trial(settings, trials) if read_trials(settings, trials).met_per_s else None
    judged = {name for each in trials for name in each.judged if shown is None or each.place == shown}
    return tuple(each for each in (*objectives, BACKLOG) if each not in judged)


def lines(
    found: CapacityResult,
    unjudged: Sequence[str],
    judges: Sequence[str] = (),
    most_trials: int = MOST_TRIALS,
) -> list[str]:
    """The result for a reader. ``judges``: the options with which the unjudged objectives are judged.
    ``most_trials``: how many the search was allowed.
    """
    whole = found.ended != INTERRUPTED
    more = (f"more --trials (up to {MOST_TRIALS})",) if most_trials < MOST_TRIALS else ()
    if found.sustained_per_s is None:
        listed = [f"{_without_rate(found)}: {found.ended}"]
    else:
        met = found.sustained_per_s
        interval = f"{rate_text(found.low_per_s)} or more"
        if found.high_per_s is not None:
            interval = " to ".join(interval_texts(found.low_per_s, found.high_per_s))
        listed = [f"{rate_text(met)} sustained ({interval}): {found.ended}"]
        if allows_for_chance(found):
            listed.append(ALLOWS_FOR_CHANCE[0].lower() + ALLOWS_FOR_CHANCE[1:])
        listed.append(
            f"equivalent to a day of {rounded(found.messages_per_day or 0.0):,.0f} messages, whose busiest "
            f"hour has {peak_to_mean():.1f} times the mean rate"
        )
    if found.precision_missed is not None:
        other = alternatives((*more, "a longer --trial-s", "--from and --to closer to it"))
        then = f". Give {other}" if whole else ", since the search was interrupted"
        listed.append(
            f"the precision of {percent(found.precision_missed)} was not reached: the capacity may be "
            f"anywhere in this interval{then}"
        )
    for each in found.trials:
        if each.needed_load_s is not None:
            listed.append(
                f"{rate_text(each.rate_per_s)} was met and does not count: its load was too short to rule "
                f"out a reserve of the target. That needs {each.needed_load_s:g} s"
                + (f". Give {alternatives((*more, '--from closer to it'))}" if whole else "")
            )
    where = "above it" if found.sustained_per_s is not None else "at every rate"
    if found.bottlenecks:
        listed.append(f"bottleneck {where}: {'; '.join(found.bottlenecks)}")
    elif found.high_per_s is not None:
        listed.append(f"bottleneck {where}: unknown. {_last_miss(found)}")
    judged = [each for each in (*found.objectives, BACKLOG) if each not in unjudged]
    listed.append(f"judged by: {', '.join(judged) or 'nothing'}")
    if unjudged:
        at = "at this rate" if found.sustained_per_s is not None else "in any trial"
        listed.append(f"not judged {at}, for lack of data: {', '.join(unjudged)}")
    if judges:
        listed.append(f"to judge them: {alternatives(judges)}")
    return listed


def _without_rate(found: CapacityResult) -> str:
    """An undecided or invalid trial does not show that an objective is missed at its rate."""
    verdicts = {each.verdict for each in found.trials}
    if "missed" in verdicts:
        return "no rate met every objective"
    return "no rate was decided" if "undecided" in verdicts else "no rate was measured"


def alternatives(options: Sequence[str]) -> str:
    """``a``, ``a or b``, ``a, b, or c``."""
    if len(options) < 3:
        return " or ".join(options)
    return f"{', '.join(options[:-1])}, or {options[-1]}"


def _last_miss(found: CapacityResult) -> str:
    missed = [each for each in found.trials if each.verdict == "missed"]
    lowest = min(missed, key=lambda each: each.rate_per_s, default=None)
    return f"At {rate_text(lowest.rate_per_s)}: {lowest.why}" if lowest is not None else ""


def _recorded(settings: SearchSettings, trials: Sequence[TrialResult]) -> tuple[Trial, ...]:
    short, needed_s = too_short(settings, trials) or (None, None)
    recorded = []
    for number, each in enumerate(trials):
        later = {other.rate_per_s for other in trials[number + 1 :]}
        again = each.verdict == "missed" and each.rate_per_s in later
        why = f"{each.why}; {_MADE_AGAIN}" if again else each.why
        if is_refuted(trials, number):
            why = "; ".join(filter(None, (why, _REFUTED)))
        recorded.append(_trial(replace(each, why=why), needed_s if number == short else None))
    return tuple(recorded)


def _trial(trial: TrialResult, needed_load_s: float | None) -> Trial:
    return Trial(
        needed_load_s=needed_load_s,
        rate_per_s=trial.rate_per_s,
        load_s=trial.load_s,
        verdict=trial.verdict,
        delivered_per_s=trial.through_per_s,
        why=trial.why,
        bottlenecks=trial.bottlenecks,
        bottleneck_kinds=kinds_of(trial.bottleneck_kinds),
        place=trial.place,
    )
