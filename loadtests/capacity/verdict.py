"""The verdict of one trial, from its analysis. A pure function.

A trial is *invalid* if the bench failed. It is *missed* if an objective is certainly missed (its 95 %
interval lies beyond the limit), its backlog certainly grew, or over 0.1 % of its messages were given up or
lost. It is *met* if every objective that it can judge is certainly met and its backlog did not grow.
Otherwise it is *undecided*, and is repeated with a longer load. A percentile that then still has too few
messages is not judged, and the trial says so. A share or a price whose interval contains the limit was
judged, and leaves the trial undecided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.records import AnalysisResult, Steady
from loadtests.arrivals import Mix
from loadtests.capacity.bracket import SearchSettings, TrialResult, TrialVerdict
from loadtests.capacity.objectives import messages_needed, narrows
from loadtests.capacity.search import NextTrial, rate_text

BACKLOG = "the backlog"
_LOST = "over 0.1 % of the messages were given up or lost"  # as analysis/judge/not_taken.py
_NOT_SUSTAINED = "the load was not sustained"


def invalid_trial(step: NextTrial, place: str, why: str) -> TrialResult:
    return TrialResult(
        rate_per_s=step.rate_per_s,
        load_s=step.load_s,
        verdict="invalid",
        sustained=None,
        through_per_s=0.0,
        through_low_per_s=0.0,
        through_high_per_s=0.0,
        why=why,
        place=place,
    )


def judged_trial(
    settings: SearchSettings, step: NextTrial, mix: Mix, result: AnalysisResult, place: str
) -> TrialResult:
    """The trial's result for the search."""
    if not result.valid:
        failed = "; ".join(f"{each.check}: {each.found}" for each in result.invalid_because)
        return invalid_trial(step, place, failed or "the bench failed")
    steady = result.steady
    grew_not = _sustained(settings, steady) if steady is not None else result.sustained
    sustained = False if result.many_lost else grew_not
    named: dict[str, list[str]] = {"met": [], "missed": [], "undecided": []}
    for each in result.objectives:
        named[each.verdict].append(each.objective)
    waits = _decided_by_length(settings, step, mix, named["undecided"])
    judged = [*named["met"], *named["missed"]]
    if sustained is not None:
        judged.append(BACKLOG)
    elif steady is not None:
        waits.append(BACKLOG)
    verdict: TrialVerdict = "met"
    if named["missed"] or sustained is False:
        verdict = "missed"
    elif waits or not (named["met"] or sustained):
        verdict = "undecided"
    through = result.delivered_per_s
    named_causes = result.bottlenecks if verdict == "missed" else ()
    return TrialResult(
        rate_per_s=step.rate_per_s,
        load_s=step.load_s,
        verdict=verdict,
        sustained=sustained,
        through_per_s=steady.through_per_s if steady is not None else through,
        through_low_per_s=steady.through_low_per_s if steady is not None else through,
        through_high_per_s=steady.through_high_per_s if steady is not None else through,
        through_error_per_s=steady.through_error_per_s if steady is not None else 0.0,
        reserve=steady.reserve if steady is not None else 0.0,
        why=_why(verdict, named, waits, grew_not, result),
        bottlenecks=tuple(each.text for each in named_causes),
        bottleneck_kinds=tuple(each.kind for each in named_causes),
        judged=tuple(judged),
        place=place,
        profile_limits=result.profile_limits,
    )


def _sustained(settings: SearchSettings, steady: Steady) -> bool | None:
    """Whether the backlog grew in the steady part. A coarse search ignores growth below its precision."""
    tolerated = settings.tolerated_growth * steady.offered_per_s
    if not tolerated:
        return steady.sustained
    if steady.growth_high_per_s <= tolerated:
        return True
    return None if steady.sustained is False and steady.growth_low_per_s <= tolerated else steady.sustained


def _decided_by_length(
    settings: SearchSettings, step: NextTrial, mix: Mix, undecided: Sequence[str]
) -> list[str]:
    """The objectives that a longer trial of this rate would decide, or may decide: of a share or a price,
    where more messages make the interval narrower.

    Not counts, which need the sender's records, nor availability, which needs hours.
    """
    most = step.rate_per_s * settings.longest_s
    return [each for each in undecided if narrows(each) or 0 < messages_needed(each, mix) <= most]


def _why(
    verdict: TrialVerdict,
    named: Mapping[str, Sequence[str]],
    waits: Sequence[str],
    grew_not: bool | None,
    result: AnalysisResult,
) -> str:
    if verdict == "undecided":
        return f"not yet decided: {', '.join(waits) or 'nothing could be judged'}"
    if verdict == "met":
        return _why_met(named["met"], named["undecided"], grew_not)
    reasons = [f"{each} missed" for each in named["missed"]]
    if result.many_lost:
        reasons.insert(0, _LOST)
    if grew_not is False:
        steady = result.steady
        # Without a steady part the load may not be sustained because of messages that were not taken.
        grew = (
            f"the backlog grew by {rate_text(steady.growth_per_s)}" if steady is not None else _NOT_SUSTAINED
        )
        reasons.insert(0, grew)
    return ", ".join(reasons)


def _why_met(met: Sequence[str], unjudged: Sequence[str], sustained: bool | None) -> str:
    reasons = ["every objective met" if not unjudged else f"{', '.join(met)} met" if met else ""]
    reasons.append("the backlog did not grow" if sustained else "")
    text = ", ".join(filter(None, reasons))
    return f"{text}; not judged: {', '.join(unjudged)}" if unjudged else text
