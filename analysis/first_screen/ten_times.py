"""Is ten times the traffic possible: yes only if a valid part at that rate met every objective."""

from __future__ import annotations

from analysis.classes import class_text
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import AnswerRow, Figure, ScreenAnswer, Sentence
from analysis.first_screen.wording import (
    command,
    deciding,
    in_part,
    is_delivery_time,
    objective_row,
    place_of,
    unsent,
)
from analysis.formatting import TIMES
from analysis.judge.levels import TEN
from analysis.judge.verdict import overall
from analysis.model import AnswerState, Level, Objective, RunReport

QUESTION = "Is ten times the traffic possible?"
_STATES: dict[str, AnswerState] = {"yes": "good", "no": "bad", "undecided": "unknown"}
_WORDS = {"yes": "Yes", "no": "No", "undecided": "Not proven"}


def ten_times_answer(quote: Quote) -> ScreenAnswer:
    """The answer for the highest level that a part tested at ten times its rate."""
    place = _level(quote.report)
    if place is None:
        return ScreenAnswer(
            name="ten_times",
            question=QUESTION,
            sentences=((_not_asked(quote.report),),),
        )
    if quote.report.validity == "invalid":
        return ScreenAnswer(
            name="ten_times",
            question=QUESTION,
            sentences=(("Not known: the figures of this run cannot be used.",),),
            state="untrusted",
        )
    level = quote.report.levels[place]
    path = f"levels.{place}"
    answer = quote.verdict(f"{path}.ten_times", subject="ten times")
    answer = Figure(
        text=_WORDS[level.ten_times], source=answer.source, unit=answer.unit, subject=answer.subject
    )
    row = AnswerRow(
        value=(answer, f": 10 {TIMES} ", quote.per_day(f"{path}.messages_per_day"), " a day"), verdict=None
    )
    return ScreenAnswer(
        name="ten_times",
        question=QUESTION,
        rows=(row,),
        sentences=_evidence(quote, level.ten_times_part, level.ten_times == "no"),
        state=_STATES[level.ten_times],
    )


def _not_asked(report: RunReport) -> str:
    """The next step. The bench does not apply the what-ifs of this run."""
    supposed = [part for _, part in deciding(report) if part.identity.what_if]
    if not supposed:
        return "Not tested in this run. To test it: " + command(report, "smsbench run bench")
    if any(part.identity.messages_per_day for part in supposed):
        return (
            "Not tested beyond the what-if of this run. To test ten times as much: "
            "smsbench simulate with ten times the --scale of this run (one if it was not given)."
        )
    return "Not tested in this run. Under the usual rules: smsbench run bench"


def _level(report: RunReport) -> int | None:
    """The position of the highest level that was tested at ten times its rate; None if there is none.

    A level that is missed and at least ten times one that is met is a test of that lower level.
    """
    asked = [
        place
        for place, each in enumerate(report.levels)
        if (each.ten_times_part or each.ten_times != "undecided") and not _tests_a_lower(report, each)
    ]
    return asked[-1] if asked else None


def _tests_a_lower(report: RunReport, level: Level) -> bool:
    return level.fast_enough == "missed" and any(
        lower.fast_enough == "met" and level.messages_per_day >= TEN * lower.messages_per_day
        for lower in report.levels
    )


def _evidence(quote: Quote, slug: str, no: bool) -> tuple[Sentence, ...]:
    place = place_of(quote.report, slug)
    if place is None:
        return (("The objectives are not met at today's volume.",),) if no else ()
    part, path = quote.report.parts[place], f"parts.{place}"
    sentence: list[str | Figure] = [
        quote.per_day(f"{path}.equivalent_per_day"),
        " a day, ",
        quote.rate(f"{path}.throughput.offered_mean_per_s", subject=f"offered mean {place}"),
        *_rate_and_mode(quote, place),
        quote.seconds(f"{path}.identity.load_s"),
    ]
    outcome: Sentence = (": every objective met.",)
    if part.backlog_gone_s is not None and part.identity.mode == "real":
        gone = quote.seconds(f"{path}.backlog_gone_s")
        outcome = (": every objective met; the sender's queue was empty again after ", gone, ".")
    missed = next((i for i, each in enumerate(part.objectives) if each.verdict == "missed"), None)
    if part.validity == "invalid":
        outcome = (": its figures cannot be used.",)
    elif missed is not None:
        shown = _where_shown(quote.report, place, missed)
        outcome = (": ", *_missed(quote, shown), ".")
    elif unsent(part):
        outcome = (": not proven without the messages that the bench did not send.",)
    elif part.throughput.limit:
        outcome = (": ", quote.text(f"{path}.throughput.limit"), ".")
    elif overall(part.objectives) != "met":
        outcome = (": not every objective could be decided.",)
    elif quote.report.levels and not _said_yes(quote.report, slug):
        outcome = (": the backlog grew, or there were too few messages.",)
    return ((*in_part(quote, place), *sentence, *outcome), *_unsent(quote, place))


def _unsent(quote: Quote, place: int) -> tuple[Sentence, ...]:
    """Messages that the part did not offer to the sender, since the bench dropped them."""
    counted, path = quote.report.parts[place].accounting, f"parts.{place}.accounting"
    due = (" of ", quote.count(f"{path}.planned"), " messages were not sent: ")
    reasons = (
        ("dropped_at_machine_limit", "the bench had no room for them."),
        ("dropped_by_bench", "the bench was late."),
    )
    return tuple(
        (quote.count(f"{path}.{field}"), *due, why) for field, why in reasons if getattr(counted, field)
    )


def _where_shown(report: RunReport, place: int, index: int) -> str:
    """The path of a part's objective in the table that shows it: the report's list, if it contains it."""
    part = report.parts[place]
    for at, each in enumerate(report.objectives):
        if each.part in (part.slug, "") and each.objective == part.objectives[index].objective:
            return f"objectives.{at}"
    return f"parts.{place}.objectives.{index}"


def _missed(quote: Quote, path: str) -> Sentence:
    """``OTP: 95 % within 14.0 s, limit 10 s``; other measures as text."""
    objective: Objective = quote.value(path)
    if not is_delivery_time(objective):
        measured, limit = (quote.text(f"{path}.{field}") for field in ("measured", "limit"))
        return (quote.text(f"{path}.name"), ": ", measured, ", limit ", limit)
    row = objective_row(quote, path, class_text(objective.message_class))
    return (f"{row.label}: ", *row.value, ", ", *row.limit)


def _said_yes(report: RunReport, slug: str) -> bool:
    return any(each.ten_times == "yes" and each.ten_times_part == slug for each in report.levels)


def _rate_and_mode(quote: Quote, place: int) -> Sentence:
    part = quote.report.parts[place]
    how = "in virtual time" if part.identity.mode == "simulated" else "run live"
    when = "at its peak" if part.identity.window == "peak" else "on average"  # a slice around the peak
    if part.identity.speedup == 1.0:
        return (f" {when}, {how} for ",)
    dense = quote.number(f"parts.{place}.identity.speedup")
    return (f" {when}, {how}, ", dense, " times the day's rate, for ")
