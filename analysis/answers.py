"""The first screen, in words: verdict, throughput, scale, delivery time, errors, cost, burst, trust."""

from __future__ import annotations

import math

from analysis.endings import first_line
from analysis.figures import (
    TIMES,
    count_text,
    per_day_text,
    percentile_name,
    rate_text,
    round_seconds_text,
    seconds_text,
    share_text,
    significant,
    times_text,
)
from analysis.journeys import in_class_order
from analysis.model import (
    Answer,
    Burst,
    Check,
    CheckState,
    Level,
    Objective,
    Pace,
    PartReport,
    State,
    Verdict,
)
from analysis.objectives.verdict import overall
from analysis.objectives.words import quantile_text
from analysis.throughput import FEWEST, counted_in, too_few
from analysis.validity import INSTRUMENT

# Of the accepted messages: dead and switched-off numbers alone stay below it.
FAILED_SHARE = 0.02

_VERDICT_STATE: dict[Verdict, State] = {"met": "good", "missed": "bad", "undecided": "unknown"}


def headline(verdict: Verdict, objectives: tuple[Objective, ...], checks: tuple[Check, ...]) -> str:
    """The verdict in one sentence."""
    invalid = [each for each in checks if each.state == "invalid"]
    if invalid:
        worst = min(invalid, key=lambda each: each.name != INSTRUMENT)
        if worst.name == INSTRUMENT:
            return (
                f"Bench failure: {first_line(worst.value)}{_in_part(worst.part)}. Do not use these figures."
            )
        return f"Do not use these figures: {worst.name} {first_line(worst.value)}{_in_part(worst.part)}."
    missed = [each for each in objectives if each.decides and each.verdict == "missed"]
    if missed:
        first = missed[0]
        others = f" and {len(missed) - 1} more" if len(missed) > 1 else ""
        return (
            f"Not good enough: {first.name} {first.measured}, limit {first.limit}"
            f"{_in_part(first.part)}{others}."
        )
    deciding = [each for each in objectives if each.decides]
    open_ones = [each for each in deciding if each.verdict == "undecided"]
    if verdict == "met":
        return f"Good enough: all {len(deciding)} objectives met."
    if not open_ones:
        return "Undecided: no objective was judged."
    first = open_ones[0]
    others = f" and {len(open_ones) - 1} more" if len(open_ones) > 1 else ""
    return (
        f"Undecided: {first.name} {first.measured}, limit {first.limit}{_in_part(first.part)}{others}. "
        f"It takes {first.needs or 'more'}."
    )


def _in_part(part: str) -> str:
    return f" (in {part})" if part else ""


def throughput_answer(parts: tuple[PartReport, ...]) -> Answer:
    """The best ten seconds of any part, and whether that was the limit."""
    question = "How many SMS a second?"
    measured = [part for part in parts if part.throughput.delivered_best or part.throughput.accepted_best]
    if not measured:
        return Answer(question=question, headline="none measured", lines=(), state="unknown")
    sure = [part for part in measured if not too_few(_pace(part))]
    best = max(sure or measured, key=_best_rate)
    through = best.throughput
    pace = _pace(best)
    done = "delivered" if through.delivered_best else "accepted"
    prefix = "" if through.limit else "at least "
    window_s = pace.window_s if pace else 0.0
    lines = [
        f"best {round_seconds_text(window_s)}: accepted {rate_text(_per_s(best, 'accepted'))}, "
        f"delivered {rate_text(_per_s(best, 'delivered'))}; "
        f"offered {rate_text(through.offered_mean_per_s)} on average",
        f"{best.slug}, provider profile {best.identity.profile or 'unknown'}",
        f"the limit: {through.limit}" if through.limit else "nothing gave way: the limit was not reached",
    ]
    if pace and not sure:
        few = f"{times_text(counted_in(pace))} {done} in the best {round_seconds_text(window_s)}"
        few += f"; a rate needs {FEWEST}"
        return Answer(
            question=question, headline="too few messages for a rate", lines=(few, lines[1]), state="unknown"
        )
    if best.identity.compress != 1.0:
        lines.insert(1, _real_rates(best))
    return Answer(
        question=question,
        headline=f"{prefix}{significant(_best_rate(best))} SMS/s {done}",
        lines=tuple(lines),
        state="good" if best.validity != "invalid" else "untrusted",
    )


def _best_rate(part: PartReport) -> float:
    pace = _pace(part)
    return pace.per_s if pace else 0.0


def _pace(part: PartReport) -> Pace | None:
    return part.throughput.delivered_best or part.throughput.accepted_best


def _per_s(part: PartReport, which: str) -> float | None:
    pace = part.throughput.accepted_best if which == "accepted" else part.throughput.delivered_best
    return pace.per_s if pace else None


def _real_rates(part: PartReport) -> str:
    mean = part.throughput.offered_mean_per_s
    # A slice of the peak has the peak's rate, not the day's.
    when = "at its peak" if part.identity.window == "peak" else "on average"
    return (
        f"on the day itself that would be {rate_text(mean / part.identity.compress)} {when}: "
        f"this part ran {part.identity.compress:g} times as dense"
    )


def scale_answer(levels: tuple[Level, ...]) -> Answer:
    """Does ten times the highest level hold?"""
    question = "Does ten times the traffic hold?"
    if not levels:
        advice = "run the ladder to ask: smsbench run ladder"
        return Answer(question=question, headline="not asked in this run", lines=(advice,), state="unknown")
    top = levels[-1]
    words = {"yes": "yes", "no": "no", "undecided": "not proven"}[top.ten_times]
    states: dict[str, State] = {"yes": "good", "no": "bad", "undecided": "unknown"}
    lines = tuple(_level_line(level) for level in levels)
    return Answer(
        question=question,
        headline=f"{words}: 10 {TIMES} {per_day_text(top.messages_per_day)} a day",
        lines=(*lines, top.ten_times_why),
        state=states[top.ten_times],
    )


def _level_line(level: Level) -> str:
    fast = {"met": "fast enough", "missed": "too slow", "undecided": "speed not proven"}[level.fast_enough]
    if level.fast_enough == "undecided" and level.none_late_of:
        fast = f"{times_text(level.none_late_of)} at its peak, none late (too few to prove p95)"
    if level.highest_held_per_day:
        carried = f"carried {per_day_text(level.highest_held_per_day)} a day"
    elif level.highest_tried_per_day:
        carried = f"{per_day_text(level.highest_tried_per_day)} a day tried, not carried"
    else:
        carried = "no more tried"
    return f"{per_day_text(level.messages_per_day)} a day: {fast}; {carried}"


def delivery_answer(objectives: tuple[Objective, ...], scaled: bool) -> Answer:
    """Each class against its limit, the worst part of each."""
    timed = [each for each in objectives if each.limit_s is not None]
    verdict = overall(tuple(timed))
    by_class: dict[str, list[Objective]] = {}
    for each in timed:
        by_class.setdefault(each.message_class, []).append(each)
    chosen = [max(by_class[name], key=_badness) for name in in_class_order(by_class)]
    head = {"met": "in time", "missed": "too slow", "undecided": "not fully proven"}[verdict]
    if chosen and verdict == "undecided" and any(each.verdict == "met" for each in chosen):
        head = "in time, where it could be judged"
    return Answer(
        question="How fast do they arrive?" + (" (compressed seconds)" if scaled else ""),
        headline=head if chosen else "no delivery observed",
        lines=tuple(_objective_line(each) for each in chosen),
        state=_VERDICT_STATE[verdict],
    )


def _badness(objective: Objective) -> tuple[int, float]:
    """Missed before held, held before unsettled; then the slowest, or of the unsettled the best evidence."""
    rank = {"missed": 2, "met": 1, "undecided": 0}[objective.verdict]
    if objective.verdict == "undecided":
        return rank, objective.count
    return rank, (objective.quantile.value_s or 0.0) if objective.quantile else 0.0


def _objective_line(objective: Objective) -> str:
    verdict = {"met": "met", "missed": "MISSED", "undecided": "undecided"}[objective.verdict]
    percentile = percentile_name(objective.percentile or 0.0)
    why = f" ({objective.why}; it takes {objective.needs})" if objective.verdict == "undecided" else ""
    return (
        f"{objective.message_class} {percentile} {objective.measured}, limit {objective.limit}: "
        f"{verdict}{why}{_in_part(objective.part)}"
    )


def errors_answer(parts: tuple[PartReport, ...]) -> Answer:
    """Lost, doubled, turned away, failed: over all parts."""

    def total(name: str) -> int:
        return sum(int(getattr(part.ledger, name)) for part in parts)

    lost, doubles, accepted = total("lost"), total("doubles"), total("accepted")
    failed = total("failed") + total("expired")
    not_taken = total("refused") + total("failed_at_api")
    state: State = "good" if accepted else "unknown"
    if lost or doubles or not_taken:
        state = "bad"
    elif failed > FAILED_SHARE * accepted:
        state = "warn"
    return Answer(
        question="What goes wrong?",
        headline=f"{count_text(lost)} lost, {count_text(doubles)} double",
        lines=(
            f"{share_text(failed, accepted)} of accepted messages failed or expired ({count_text(failed)})"
            if accepted
            else "no message was accepted",
            f"{count_text(not_taken)} not taken by the sender, {count_text(total('unfinished'))} unanswered",
            f"{count_text(total('open'))} still open when observation ended",
        ),
        state=state,
    )


def cost_answer(parts: tuple[PartReport, ...]) -> Answer:
    points = sum(part.cost.points for part in parts)
    delivered = sum(part.ledger.delivered for part in parts)
    question = "What does it cost?"
    if not delivered or not points:
        return Answer(
            question=question,
            headline="no price known" if not points else f"{significant(points)} points, nothing delivered",
            lines=("the provider's rows carry no price",) if not points else (),
            state="unknown",
        )
    doubles = sum(part.cost.doubles_points for part in parts)
    in_vain = sum(part.cost.undelivered_points for part in parts)
    segments = sum(part.cost.segments for part in parts)
    return Answer(
        question=question,
        headline=f"{significant(1000 * points / delivered)} points per 1,000 delivered",
        lines=(
            f"{significant(points)} points for {count_text(segments)} segments",
            f"{significant(doubles)} points for second copies, {significant(in_vain)} for messages "
            "that did not arrive",
        ),
        state="warn" if doubles else "good",
    )


def burst_answer(parts: tuple[PartReport, ...]) -> tuple[Answer, ...]:
    """Of the first part with a burst; empty without one."""
    with_burst = [(part, part.burst) for part in parts if part.burst]
    if not with_burst:
        return ()
    part, burst = with_burst[0]
    limits = [each.limit_s for each in part.objectives if each.message_class == burst.guarded_class]
    limit_s = min((limit for limit in limits if limit is not None), default=math.inf)
    drained = (
        f"95 % of it delivered or failed {seconds_text(burst.mostly_delivered_after_s)} after its end"
        if burst.mostly_delivered_after_s is not None
        else f"not 95 % delivered {seconds_text(burst.observed_after_s)} after its end"
    )
    head, state, more = _guarded(burst, limit_s)
    lines = (
        *more,
        f"{count_text(burst.messages)} {burst.message_class} in {seconds_text(burst.to_s - burst.from_s)}",
        f"backlog {count_text(burst.peak_undelivered)} not delivered at worst; {drained}",
    )
    if state == "good" and burst.mostly_delivered_after_s is None:
        state = "warn"
    return (Answer(question="What does a burst do to an OTP?", headline=head, lines=lines, state=state),)


def _guarded(burst: Burst, limit_s: float) -> tuple[str, State, tuple[str, ...]]:
    """The highest percentile that both sides carry; p95 if they can."""
    if not burst.guarded_before or not burst.guarded_during:
        return "no OTP to compare", "unknown", ()
    pairs = list(zip(burst.guarded_before, burst.guarded_during, strict=True))
    carried = [pair for pair in pairs if all(each.state != "withheld" for each in pair)]
    counts = (
        f"{count_text(burst.guarded_before_count)} before, {count_text(burst.guarded_during_count)} during"
    )
    if not carried:
        return "too few OTPs to tell", "unknown", (f"OTPs: {counts}",)
    before, during = carried[-1]
    worst_s = during.value_s or 0.0
    slower = during.state != "exact" or worst_s > min(limit_s, 2.0 * (before.value_s or 0.0))
    name = percentile_name(before.percentile)
    words = f"OTP {name} {quantile_text(before)} before, {quantile_text(during)} during"
    top = pairs[-1][1]
    more = () if top is during else (f"OTP p95 during: {quantile_text(top)}; too few before ({counts})",)
    return words, "warn" if slower else "good", more


def trust_answer(state: CheckState, checks: tuple[Check, ...]) -> Answer:
    words = {
        "ok": "valid",
        "warn": "valid, with reservations",
        "invalid": "INVALID",
        "not_checked": "unchecked",
    }
    states: dict[CheckState, State] = {"ok": "good", "warn": "warn", "invalid": "untrusted"}
    found = sorted(
        (each for each in checks if each.state in ("invalid", "warn")),
        key=lambda each: each.state != "invalid",
    )
    lines = []
    for name in dict.fromkeys(each.name for each in found):
        same = [each for each in found if each.name == name]
        more = f", and {len(same) - 1} more" if len(same) > 1 else ""
        prefix = "INVALID " if same[0].state == "invalid" else ""
        lines.append(f"{prefix}{name}: {same[0].value}{_in_part(same[0].part)}{more}")
    return Answer(
        question="How far to trust it?",
        headline=words[state],
        lines=tuple(lines) or (_passed(checks),),
        state=states.get(state, "unknown"),
    )


def _passed(checks: tuple[Check, ...]) -> str:
    skipped = list(dict.fromkeys(each.name for each in checks if each.state == "not_checked"))
    return "every check passed" + (f"; not checked: {', '.join(skipped)}" if skipped else "")
