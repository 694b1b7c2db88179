"""The ladder: is each level fast enough, how much more would hold, and does ten times hold?

For each level two kinds of parts answer. A part at true speed (the peak slice, or a whole day) says whether
the level is fast enough. A compressed day plays the level's arrivals denser than they are, with the provider
left as it is: level x compression is the messages a day that it stands for. "Ten times holds" needs a valid
part that stood for at least ten times the level, missed nothing, showed no limit and did not fall behind: a
slice of seconds with a drain after it would else hide any queue that clears within the objective.
"""

from __future__ import annotations

from typing import Literal

from analysis.figures import per_day_text, round_seconds_text, share_of_one_text
from analysis.model import Level, PartReport, Verdict
from analysis.objectives.verdict import overall
from analysis.throughput import FEWEST

TEN = 10.0
SHORTFALL_SHARE = 0.02  # of the load; a system that falls behind by less may be at the noise of its arrivals


def levels(parts: tuple[PartReport, ...]) -> tuple[Level, ...]:
    """One for each level that any part stands for, in rising order."""
    found = sorted({part.identity.messages_per_day for part in parts if part.identity.messages_per_day})
    return tuple(_level(level, parts) for level in found)


def carries(part: PartReport) -> Verdict:
    """Did the system carry this part's load? Verdicts that lack messages do not count against it.

    A part whose every delivery verdict is withheld has proven nothing, nor has one that fell behind its load
    without a limit to be seen: played for longer it might have missed.
    """
    if part.validity == "invalid":
        return "undecided"
    if part.throughput.limit or overall(part.objectives) == "missed":
        return "missed"
    if _fell_behind(part):
        return "undecided"
    if part.ledger.delivered < FEWEST:
        return "undecided"
    judged = [each for each in part.objectives if each.limit_s is not None and each.verdict == "met"]
    return "met" if judged else "undecided"


def _fell_behind(part: PartReport) -> bool:
    return (part.throughput.shortfall_share or 0.0) > SHORTFALL_SHARE


def _level(level: int, parts: tuple[PartReport, ...]) -> Level:
    own = [part for part in parts if part.identity.messages_per_day == level]
    slices = [part for part in own if not part.probe and part.identity.compress == 1.0]
    fast = slices[0] if slices else None
    held = [part for part in own if _stands_for(part) and carries(part) == "met"]
    tried = [part for part in own if _stands_for(part)]
    highest = max(held, key=_stands_for, default=None)
    most = max(tried, key=_stands_for, default=None)
    answer, why = _ten_times(level, parts)
    return Level(
        messages_per_day=level,
        fast_enough=_fast_enough(fast),
        fast_enough_part=fast.slug if fast else "",
        fast_enough_why=_fast_why(fast),
        none_late_of=_none_late_of(fast),
        profile=", ".join(dict.fromkeys(part.identity.profile for part in own if part.identity.profile)),
        highest_held_per_day=_stands_for(highest) if highest else None,
        highest_held_part=highest.slug if highest else "",
        highest_tried_per_day=_stands_for(most) if most else None,
        ten_times=answer,
        ten_times_why=why,
    )


def _stands_for(part: PartReport) -> float:
    """Messages a day; 0 for a part whose provider was scaled along, which proves nothing beyond its level."""
    if part.identity.provider_scale != 1.0:
        return 0.0
    return part.equivalent_per_day or 0.0


def _fast_enough(part: PartReport | None) -> Verdict:
    if part is None or part.validity == "invalid":
        return "undecided"
    return overall(part.objectives)


def _fast_why(part: PartReport | None) -> str:
    if part is None:
        return "no part at true speed"
    if part.validity == "invalid":
        return "that part is invalid"
    unsettled = [each for each in part.objectives if each.verdict != "met"]
    if not unsettled:
        return "every objective held"
    missed = [each for each in unsettled if each.verdict == "missed"] or unsettled
    if missed is unsettled and all(each.quantile and each.quantile.state == "withheld" for each in unsettled):
        few = ", ".join(f"{each.message_class} {each.count}" for each in unsettled)
        return f"too few messages at its peak for a p95 ({few})"
    return "; ".join(f"{each.name}: {each.measured} ({each.why})" for each in missed)


def _none_late_of(part: PartReport | None) -> int:
    """How many messages arrived, if every one kept its limit: evidence where a percentile is withheld."""
    if part is None or part.validity == "invalid":
        return 0
    limits = {each.message_class: each.limit_s for each in part.objectives if each.limit_s is not None}
    judged = [each for each in part.delivery if each.message_class in limits]
    for each in judged:
        limit_s = limits[each.message_class]
        late = each.max_s is not None and limit_s is not None and each.max_s > limit_s
        if late or each.open_count or each.never_count:
            return 0
    return sum(each.count for each in judged)


def _ten_times(level: int, parts: tuple[PartReport, ...]) -> tuple[Literal["yes", "no", "undecided"], str]:
    wanted = TEN * level
    big = sorted((part for part in parts if _stands_for(part) >= wanted), key=_stands_for)
    if not big:
        return "undecided", f"no part stood for {per_day_text(wanted)} a day"
    held = [part for part in big if carries(part) == "met"]
    missed = [part for part in big if carries(part) == "missed"]
    if held:
        best = held[-1]
        larger = [part for part in missed if _stands_for(part) > _stands_for(best)]
        beyond = f"; {_stood(larger[0])}, and did not hold: {_not_held(larger[0])}" if larger else ""
        return "yes", f"{_stood(best)}, and missed nothing{beyond}"
    if missed:
        return "no", f"{_stood(missed[0])}, and did not hold: {_not_held(missed[0])}"
    return "undecided", f"{_stood(big[0])}, but {_unproven(big[0])}"


def _stood(part: PartReport) -> str:
    """What the part stood for, against which provider, and for how long."""
    identity = part.identity
    window = {"peak": " of the peak", "day": ", a whole day"}.get(identity.window, "")
    return (
        f"{part.slug} stood for {per_day_text(_stands_for(part))} a day "
        f"on profile {identity.profile or 'unknown'} (its limits: {identity.profile_limits}), "
        f"{round_seconds_text(round(identity.load_s, 1))}{window}"
    )


def _not_held(part: PartReport) -> str:
    missed = [f"{each.name} {each.measured}" for each in part.objectives if each.verdict == "missed"]
    return "; ".join([*missed, *([part.throughput.limit] if part.throughput.limit else [])])


def _unproven(part: PartReport) -> str:
    if part.validity == "invalid":
        return "its figures cannot be trusted"
    if _fell_behind(part):
        share = share_of_one_text(part.throughput.shortfall_share or 0.0)
        return f"it fell behind by {share} of the load: played for longer it might not hold"
    return "too few messages were judged"
