"""For each level: is it fast enough, which higher volume is sustained, and is ten times the level sustained?

The answers for a level come from parts with one provider profile, the level's own. This is the profile of its
parts at true speed (a whole day or a slice of its peak, live or simulated). These parts decide whether the
level is fast enough.

The parts that are equivalent to at least ten times the level, on the same profile, decide on ten times; of
these, those with the lowest volume. Such a part is an ordinary part of a higher level, or a compressed day
with an unchanged provider (equivalent to level x compression messages a day). A live part goes before a
simulated one. The highest sustained load of a level is one of all these parts, so that it agrees with the
answer on ten times.

A part sustains its load if it is valid and met every objective, and its backlog did not grow. If growth is
unknown, a part that reached a limit or fell behind is undecided: a short load with a drain would hide a queue
that clears within the objective.

In a suite with whole days the levels are those days. A slice of a busier day is a part for ten times.
"""

from __future__ import annotations

import math
from typing import Literal

from analysis.formatting import (
    count_text,
    per_day_text,
    round_seconds_text,
    share_of_one_text,
)
from analysis.judge.not_taken import LOST_WHY, many_not_taken, many_without_room
from analysis.judge.rate_basis import FEWEST
from analysis.judge.sample_size import too_few_for
from analysis.judge.verdict import overall
from analysis.model import Level, PartReport, Verdict

TEN = 10.0
_AT_TEN = 1.05  # a part up to this much above ten times the level is one at ten times
SHORTFALL_SHARE = 0.02  # of the load; less can be random variation of the arrivals

TenTimes = tuple[Literal["yes", "no", "undecided"], str, PartReport | None]


def levels(parts: tuple[PartReport, ...]) -> tuple[Level, ...]:
    """One ``Level`` for each level of the parts, in ascending order."""
    asked = [part for part in parts if part.identity.messages_per_day and not part.identity.what_if]
    days = [part for part in asked if part.identity.role == "whole_day"] or asked
    found = sorted({part.identity.messages_per_day or 0 for part in days})
    return tuple(_level(level, tuple(asked)) for level in found)


def sustains(part: PartReport) -> Verdict:
    """Whether the system sustained this part's load.

    Missed objectives and a backlog that grew decide. A wait in the busiest seconds, or a wait that became
    longer, are figures without an interval: with them, and if growth is unknown, a longer run might miss.
    Without the messages that the bench had no room to send, the load was a smaller one.
    """
    if part.validity == "invalid":
        return "undecided"
    if overall(part.objectives) == "missed" or part.sustained is False:
        return "missed"
    if (part.throughput.limit or fell_behind(part)) and part.sustained is not True:
        return "undecided"
    if part.accounting.delivered < FEWEST or many_without_room(part.accounting):
        return "undecided"
    return "met" if overall(part.objectives) == "met" else "undecided"


def fell_behind(part: PartReport) -> bool:
    return (part.throughput.shortfall_share or 0.0) > SHORTFALL_SHARE


def _level(level: int, parts: tuple[PartReport, ...]) -> Level:
    own = [part for part in parts if part.identity.messages_per_day == level]
    at_true_speed = [part for part in own if part.decides_verdict and part.identity.speedup == 1.0]
    profiles = {part.identity.profile for part in at_true_speed or own}
    alike = tuple(part for part in parts if part.identity.profile in profiles)
    tried = [part for part in alike if comparable_per_day(part) >= level]
    highest = _highest_sustained(tried)
    most = max(tried, key=comparable_per_day, default=None)
    verdict, fast = _fast_enough(at_true_speed)
    answer, why, by = _ten_times(level, alike, verdict)
    return Level(
        messages_per_day=level,
        fast_enough=verdict,
        fast_enough_part=fast.slug if fast else "",
        fast_enough_why=_fast_why(fast, at_true_speed),
        profile=", ".join(sorted(filter(None, profiles))),
        highest_sustained_per_day=comparable_per_day(highest) if highest else None,
        highest_sustained_part=highest.slug if highest else "",
        highest_tried_per_day=comparable_per_day(most) if most else None,
        ten_times=answer,
        ten_times_why=why,
        ten_times_part=by.slug if by else "",
        ten_times_backlog_gone_s=by.backlog_gone_s if by else None,
    )


def _highest_sustained(tried: list[PartReport]) -> PartReport | None:
    """The largest load that was sustained, of those below the first load that was missed."""
    missed_per_day = min(
        (comparable_per_day(part) for part in tried if sustains(part) == "missed"), default=math.inf
    )
    below = [part for part in tried if comparable_per_day(part) < missed_per_day]
    return max((part for part in below if sustains(part) == "met"), key=comparable_per_day, default=None)


def comparable_per_day(part: PartReport) -> float:
    """Equivalent messages a day; 0 if the provider was scaled too, since such a part proves only its own
    level.
    """
    if part.identity.provider_scale != 1.0:
        return 0.0
    return part.equivalent_per_day or 0.0


def _fast_enough(parts: list[PartReport]) -> tuple[Verdict, PartReport | None]:
    """The verdict over the parts at true speed, and the part that decides it: the first that missed, else the
    first that is undecided, else the first live one.
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
    not_met = [each for each in part.objectives if each.verdict != "met"]
    if not not_met:
        return "every objective met" + (f", in {len(parts)} parts" if len(parts) > 1 else "")
    missed = [each for each in not_met if each.verdict == "missed"] or not_met
    if missed is not_met and all(each.quantile and each.quantile.state == "withheld" for each in not_met):
        return too_few_for(not_met)
    return "; ".join(f"{each.name}: {each.measured} ({each.why})" for each in missed)


def _ten_times(level: int, parts: tuple[PartReport, ...], fast_enough: Verdict) -> TenTimes:
    """``parts`` have the level's own profile.

    If the level itself misses its objectives, the answer is no, whatever a larger part showed.
    """
    if fast_enough == "missed":
        return "no", f"the objectives are missed at {per_day_text(level)} a day", None
    wanted = TEN * level
    big = [part for part in parts if comparable_per_day(part) >= wanted]
    if not big:
        profile = parts[0].identity.profile or "unknown" if parts else "unknown"
        return (
            "undecided",
            f"no part was equivalent to {per_day_text(wanted)} a day on profile {profile}",
            None,
        )
    nearest = min(comparable_per_day(part) for part in big)
    answering = [part for part in big if comparable_per_day(part) == nearest]
    answering.sort(key=lambda part: (part.identity.mode == "simulated", not part.identity.decides))
    for verdict in ("missed", "undecided"):
        for part in answering:
            if sustains(part) == verdict == "missed":
                text = f"{_load_text(part)}: missed: {_missed_objectives(part)}"
                # A limit above ten times the level says nothing about ten times.
                if nearest > _AT_TEN * wanted:
                    return "undecided", f"{text}. No part ran at {per_day_text(wanted)} a day", part
                return "no", text, part
            if sustains(part) == verdict:
                return "undecided", f"{_load_text(part)}: not proven, since {_unproven(part)}", part
    best = answering[0]
    return "yes", f"{_load_text(best)}: every objective met{_beyond(best, big)}", best


def _beyond(best: PartReport, big: list[PartReport]) -> str:
    """The next larger load that missed an objective, as text; "" without one."""
    larger = [
        part
        for part in big
        if comparable_per_day(part) > comparable_per_day(best) and sustains(part) == "missed"
    ]
    if not larger:
        return ""
    first = min(larger, key=comparable_per_day)
    return f"; {_load_text(first)}: missed: {_missed_objectives(first)}"


def _load_text(part: PartReport) -> str:
    """The part's equivalent messages a day, provider profile and length."""
    identity = part.identity
    window = {"peak": " of the peak", "day": ", a whole day"}.get(identity.window, "")
    return (
        f"{part.slug} ran at the equivalent of {per_day_text(comparable_per_day(part))} a day "
        f"on profile {identity.profile or 'unknown'} (limits: {identity.profile_limits}) "
        f"for {round_seconds_text(round(identity.load_s, 1))}{window}"
    )


def _missed_objectives(part: PartReport) -> str:
    missed = [f"{each.name} {each.measured}" for each in part.objectives if each.verdict == "missed"]
    grew = ["its backlog grew"] if part.backlog_grew else []
    lost = part.sustained is False and part.backlog_grew is False and not many_not_taken(part.accounting)
    limit = [part.throughput.limit] if part.throughput.limit else []
    return "; ".join([*missed, *limit, *grew, *([LOST_WHY] if lost else [])])


def _unproven(part: PartReport) -> str:
    if part.validity == "invalid":
        return "the part is invalid"
    counted = part.accounting
    if many_without_room(counted):
        left, due = count_text(counted.dropped_at_machine_limit), count_text(counted.planned)
        return f"the bench had no room to send {left} of {due} messages"
    if part.throughput.limit and part.sustained is not True:
        return f"{part.throughput.limit}, and whether the backlog grew is unknown"
    if fell_behind(part):
        share = share_of_one_text(part.throughput.shortfall_share or 0.0)
        return f"it fell behind by {share} of the load and might miss an objective in a longer run"
    return "too few messages were judged"
