"""The levels: is each fast enough, how much more is carried, and is ten times the level?

The answers of a level come from parts against one provider profile, the level's own: that of its parts in
which the day's own time passed (a whole day, or a slice of its peak; live or simulated). Those parts say
whether the level is fast enough. Ten times is carried or not by the parts that come nearest to ten
times the level from above, against the same profile: an ordinary part of a higher level, or a day played
denser than it is with the provider left as it is (level x compression is the messages a day that it stands
for). Of those a live one goes before a simulated one. A part carries its load if it is valid, missed nothing,
showed no limit and did not fall behind: a slice of seconds with a drain after it would else hide any queue
that clears within the objective.

In a suite with whole days the levels are those days; a slice of a still busier day answers for ten times.
"""

from __future__ import annotations

from typing import Literal

from analysis.formatting import per_day_text, round_seconds_text, share_of_one_text
from analysis.judge.pace import FEWEST
from analysis.judge.verdict import overall
from analysis.model import Level, PartReport, Verdict

TEN = 10.0
SHORTFALL_SHARE = 0.02  # of the load; a system that falls behind by less may be at the noise of its arrivals

TenTimes = tuple[Literal["yes", "no", "undecided"], str, PartReport | None]


def levels(parts: tuple[PartReport, ...]) -> tuple[Level, ...]:
    """One for each level that is asked about, in rising order."""
    asked = [part for part in parts if part.identity.messages_per_day and not part.identity.what_if]
    days = [part for part in asked if part.identity.role == "whole_day"] or asked
    found = sorted({part.identity.messages_per_day or 0 for part in days})
    return tuple(_level(level, tuple(asked)) for level in found)


def carries(part: PartReport) -> Verdict:
    """Did the system carry this part's load? Only if every objective is met.

    A part that fell behind its load without a limit to be seen has proven nothing: played for longer it
    might have missed.
    """
    if part.validity == "invalid":
        return "undecided"
    if part.throughput.limit or overall(part.objectives) == "missed" or part.stable is False:
        return "missed"
    if _fell_behind(part) and part.stable is not True:
        return "undecided"
    if part.accounting.delivered < FEWEST:
        return "undecided"
    return "met" if overall(part.objectives) == "met" else "undecided"


def _fell_behind(part: PartReport) -> bool:
    return (part.throughput.shortfall_share or 0.0) > SHORTFALL_SHARE


def _level(level: int, parts: tuple[PartReport, ...]) -> Level:
    own = [part for part in parts if part.identity.messages_per_day == level]
    at_true_speed = [part for part in own if not part.probe and part.identity.speedup == 1.0]
    profiles = {part.identity.profile for part in at_true_speed or own}
    alike = tuple(part for part in parts if part.identity.profile in profiles)
    tried = [part for part in own if part in alike and stands_for(part)]
    carried = [part for part in tried if carries(part) == "met"]
    highest = max(carried, key=stands_for, default=None)
    most = max(tried, key=stands_for, default=None)
    verdict, fast = _fast_enough(at_true_speed)
    answer, why, by = _ten_times(level, alike, verdict)
    return Level(
        messages_per_day=level,
        fast_enough=verdict,
        fast_enough_part=fast.slug if fast else "",
        fast_enough_why=_fast_why(fast, at_true_speed),
        profile=", ".join(sorted(filter(None, profiles))),
        highest_sustained_per_day=stands_for(highest) if highest else None,
        highest_carried_part=highest.slug if highest else "",
        highest_tried_per_day=stands_for(most) if most else None,
        ten_times=answer,
        ten_times_why=why,
        ten_times_part=by.slug if by else "",
        ten_times_backlog_gone_s=by.backlog_gone_s if by else None,
    )


def stands_for(part: PartReport) -> float:
    """Messages a day; 0 for a part whose provider was scaled along, which proves nothing beyond its level."""
    if part.identity.provider_scale != 1.0:
        return 0.0
    return part.equivalent_per_day or 0.0


def _fast_enough(parts: list[PartReport]) -> tuple[Verdict, PartReport | None]:
    """The verdict over the parts in which the day's own time passed, and the part that it rests on: the
    first that missed, else the first that is undecided, else the first live one.
    """
    judged = [(_judged(part), part) for part in parts]
    for verdict in ("missed", "undecided"):
        for found, part in judged:
            if found == verdict:
                return found, part
    live = [part for part in parts if part.identity.mode != "simulated"]
    return ("met", (live or parts)[0]) if parts else ("undecided", None)


def _judged(part: PartReport) -> Verdict:
    return "undecided" if part.validity == "invalid" else overall(part.objectives)


def _fast_why(part: PartReport | None, parts: list[PartReport]) -> str:
    if part is None:
        return "no part at true speed"
    if part.validity == "invalid":
        return "that part is invalid"
    unsettled = [each for each in part.objectives if each.verdict != "met"]
    if not unsettled:
        return "every objective met" + (f", in {len(parts)} parts" if len(parts) > 1 else "")
    missed = [each for each in unsettled if each.verdict == "missed"] or unsettled
    if missed is unsettled and all(each.quantile and each.quantile.state == "withheld" for each in unsettled):
        few = ", ".join(f"{each.message_class} {each.count}" for each in unsettled)
        return f"too few messages at its peak for a p95 ({few})"
    return "; ".join(f"{each.name}: {each.measured} ({each.why})" for each in missed)


def _ten_times(level: int, parts: tuple[PartReport, ...], fast_enough: Verdict) -> TenTimes:
    """``parts`` are against the level's own profile. A level that is not carried itself is not carried ten
    times: whatever a larger part showed, both cannot be said.
    """
    if fast_enough == "missed":
        return "no", f"{per_day_text(level)} a day is not fast enough itself", None
    wanted = TEN * level
    big = [part for part in parts if stands_for(part) >= wanted]
    if not big:
        profile = parts[0].identity.profile or "unknown" if parts else "unknown"
        return "undecided", f"no part had the load of {per_day_text(wanted)} a day on profile {profile}", None
    nearest = min(stands_for(part) for part in big)
    answering = [part for part in big if stands_for(part) == nearest]
    answering.sort(key=lambda part: (part.identity.mode == "simulated", not part.identity.decides))
    for verdict in ("missed", "undecided"):
        for part in answering:
            if carries(part) == verdict == "missed":
                return "no", f"{_stood(part)}, and missed: {_missed_objectives(part)}", part
            if carries(part) == verdict:
                return "undecided", f"{_stood(part)}, but {_unproven(part)}", part
    best = answering[0]
    return "yes", f"{_stood(best)}, and missed nothing{_beyond(best, big)}", best


def _beyond(best: PartReport, big: list[PartReport]) -> str:
    """In words: the next larger load that missed an objective. Empty without one."""
    larger = [part for part in big if stands_for(part) > stands_for(best) and carries(part) == "missed"]
    if not larger:
        return ""
    first = min(larger, key=stands_for)
    return f"; {_stood(first)}, and missed: {_missed_objectives(first)}"


def _stood(part: PartReport) -> str:
    """The load of the part in messages a day, its provider profile and its length."""
    identity = part.identity
    window = {"peak": " of the peak", "day": ", a whole day"}.get(identity.window, "")
    return (
        f"{part.slug} had the load of {per_day_text(stands_for(part))} a day "
        f"on profile {identity.profile or 'unknown'} (its limits: {identity.profile_limits}), "
        f"{round_seconds_text(round(identity.load_s, 1))}{window}"
    )


def _missed_objectives(part: PartReport) -> str:
    missed = [f"{each.name} {each.measured}" for each in part.objectives if each.verdict == "missed"]
    grew = ["its backlog grew"] if part.stable is False else []
    return "; ".join([*missed, *([part.throughput.limit] if part.throughput.limit else []), *grew])


def _unproven(part: PartReport) -> str:
    if part.validity == "invalid":
        return "its figures cannot be trusted"
    if _fell_behind(part):
        share = share_of_one_text(part.throughput.shortfall_share or 0.0)
        return f"it fell behind by {share} of the load: played for longer it might miss an objective"
    return "too few messages were judged"
