"""The verdict word, the reason, and how far to trust it."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.first_screen.advice import first_shown
from analysis.first_screen.caveats import caveats, checked
from analysis.first_screen.met import met_sentence
from analysis.first_screen.missed import missed_sentence
from analysis.first_screen.other_keys import with_new_keys, without_key
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import Figure, Sentence, Word
from analysis.first_screen.wording import (
    deciding,
    in_brackets,
    leading,
    live,
    not_taken,
    objective_part,
    objective_sentence,
    part_title,
    target_name,
    undecided_sentence,
    worst_objective,
)
from analysis.judge.check_names import ACCOUNTING, INSTRUMENT, SCHEDULE_LAG
from analysis.judge.exit_reasons import failed_before_load, first_line
from analysis.judge.search import telling_trial
from analysis.judge.verdict import overall
from analysis.model import Accounting, PartReport, RunReport, Verdict

_MORE = " More objectives were missed: the table below lists them."
_NO_MISS = ". No objective was missed until then."
_LOSSES = ("loss", "duplicates", "unaccounted")
_MANY_UNSEEN = 0.05  # of the accepted messages; fewer do not go before a missed delivery time
_WORDS: dict[Verdict, Word] = {"met": "YES", "missed": "NO", "undecided": "UNDECIDED"}
_OF_THE_API = ("sender_stopped", "sender_api", "sender_refuses")


def word(report: RunReport) -> Word:
    """The verdict word. YES: every objective is met. NO: at least one is missed."""
    if report.interrupted or failed_before_load(report.parts):
        return "STOPPED"
    if report.validity == "invalid":
        return "INVALID"
    return _WORDS[report.no_rate or overall(report.objectives)]


def why(quote: Quote) -> Sentence:
    """The reason for the word."""
    report = quote.report
    found = word(report)
    if found == "STOPPED":
        return _stopped(quote)
    if found == "INVALID":
        return _invalid(quote)
    if found == "NO":
        return _missed(quote)
    return met_sentence(quote) if found == "YES" else _undecided(quote)


def _stopped(quote: Quote) -> Sentence:
    report = quote.report
    error = failed_before_load(report.parts)
    if error:
        place = next(
            place for place, part in enumerate(report.parts) if part.identity.exit_reason.startswith("error")
        )
        path = f"parts.{place}.identity.exit_reason"
        return ("No load was made: ", Figure(text=error, source=path, unit="text"), ".")
    if not any(part.accounting.rows for part in report.parts):
        return (quote.text("interrupted"), ".")
    so_far: Sentence = (". ", *_missed_rate(quote)) if _missed_rate(quote) else (_NO_MISS,)
    if _in_first_trial(report):
        so_far = (". No rate was judged until then.",)
    missed = worst_objective(report, "missed")
    if report.validity == "invalid":
        failed = _failed_check(quote)
        finding: Sentence = () if failed is None else (": ", *_finding(quote, failed))
        so_far = (". The figures until then cannot be used", *finding, ".")
    elif missed is not None:
        so_far = (". An objective was missed until then: ", *missed_sentence(quote, missed), ".")
    return (quote.text("interrupted"), *so_far)


def _in_first_trial(report: RunReport) -> bool:
    """Whether the user ended a search in its first trial, which is not judged."""
    found = report.capacity
    return found is not None and found.interrupted_per_s is not None and not found.trials


def _missed_rate(quote: Quote) -> Sentence:
    """``60.0/s did not meet every objective: the backlog grew by 12/s.`` Of a search that the user ended."""
    found = quote.report.capacity
    at = telling_trial(found) if found is not None and found.interrupted_per_s is not None else None
    if found is None or at is None or found.trials[at].verdict != "missed":
        return ()
    path = f"capacity.trials.{at}"
    return (
        quote.rate(f"{path}.rate_per_s"),
        " did not meet every objective: ",
        quote.text(f"{path}.why"),
        ".",
    )


def _invalid(quote: Quote) -> Sentence:
    """What failed in the bench. The figures then do not describe the sender."""
    place = _failed_check(quote)
    if place is None:
        return ("The bench failed. This result does not describe the sender.",)
    instrument = quote.report.checks[place].name == INSTRUMENT
    lead = "Bench failure: " if instrument else "Do not use these figures: "
    return (
        lead,
        *_finding(quote, place, named=not instrument),
        ". This result does not describe the sender.",
    )


def _finding(quote: Quote, place: int, named: bool = True) -> Sentence:
    """``the bench sent late: 99 % within 364 ms``, in a suite with the part. Unless ``named``, without what
    was checked.
    """
    failed = quote.report.checks[place]
    value = quote.text(f"checks.{place}.value")
    shown = Figure(text=first_line(value.text), source=value.source, unit="text")
    where: Sentence = ()
    if failed.part:
        where = ("part: ", part_title(quote, _place(quote.report, failed.part)))
    lead = (f"{checked(failed.name)}: ",) if named else ()
    return (*lead, *in_brackets(shown, where))


def _failed_check(quote: Quote) -> int | None:
    """The position of the check to show: a failure of the bench itself first."""
    slugs = {"", *(part.slug for _, part in deciding(quote.report))}
    checks = [
        (place, each)
        for place, each in enumerate(quote.report.checks)
        if each.state == "invalid" and (each.part in slugs or each.name in ACCOUNTING)
    ]
    return min(checks, key=lambda item: item[1].name != INSTRUMENT)[0] if checks else None


def _place(report: RunReport, slug: str) -> int:
    return next((place for place, part in enumerate(report.parts) if part.slug == slug), 0)


def _missed(quote: Quote) -> Sentence:
    report = quote.report
    place = worst_objective(report, "missed")
    if place is None:
        return _no_rate(quote, "No rate met every objective.")
    at = objective_part(report, report.objectives[place])
    if not_taken(report.parts[at]):
        return (*_too_much_offered(quote, at), *_missed_too(quote, at))
    others = sum(each.decides and each.verdict == "missed" for each in report.objectives) > 1
    where: Sentence = (" (part: ", part_title(quote, at), ")") if len(report.parts) > 1 else ()
    more = (_MORE,) if others else ()
    if _not_forwarded(report, place):
        return (*_unforwarded_sentence(quote, at), *where, ".", *more)
    return (*missed_sentence(quote, place), *where, ".", *more)


def _missed_too(quote: Quote, at: int) -> Sentence:
    """What a headline on messages that were not taken adds: accepted messages that the provider has not seen,
    and that other objectives were missed.
    """
    report = quote.report
    counted, unseen = report.parts[at].accounting, _missed_unaccounted(report, at)
    unseen_text: Sentence = ()
    if unseen is not None and counted.unaccounted > counted.still_held:
        some = counted.still_held or counted.unknown_messages
        field = f"objectives.{unseen}.low" if some else f"parts.{at}.accounting.unaccounted"
        least = " At least " if counted.unknown_messages else " "
        unseen_text = (least, quote.count(field), " accepted messages never reached the provider.")
    named = ("not_taken", "availability", *(("unaccounted",) if unseen_text else ()))
    others = any(
        each.decides and each.verdict == "missed" and each.measure not in named for each in report.objectives
    )
    return (*unseen_text, _MORE) if others else unseen_text


def _no_rate(quote: Quote, lead: str) -> Sentence:
    """``No rate met every objective. At 50/s: the backlog grew by 12/s.``"""
    found = quote.report.capacity
    at = telling_trial(found) if found is not None else None
    if at is None:
        return ()
    path = f"capacity.trials.{at}"
    return (f"{lead} At ", quote.rate(f"{path}.rate_per_s"), ": ", quote.text(f"{path}.why"), ".")


def _not_forwarded(report: RunReport, place: int) -> bool:
    """Whether the headline is about messages that the provider has not seen, and not about this objective."""
    at = objective_part(report, report.objectives[place])
    missed, counted = _missed_unaccounted(report, at) is not None, report.parts[at].accounting
    left_out = counted.unaccounted - counted.still_held
    many = left_out > _MANY_UNSEEN * counted.accepted
    return missed and (many or report.objectives[place].measure == "unaccounted") and left_out > 0


def _missed_unaccounted(report: RunReport, at: int) -> int | None:
    """The position of the part's missed objective ``unaccounted``. Its lower end leaves out what is held."""
    return next(
        (
            place
            for place, each in enumerate(report.objectives)
            if (each.measure, each.verdict) == ("unaccounted", "missed")
            and objective_part(report, each) == at
        ),
        None,
    )


def _unforwarded_sentence(quote: Quote, at: int) -> Sentence:
    """``my-sender accepted 400 messages; 200 of them never reached the provider``.

    Messages that may still be in the sender are not among them.
    """
    path, counted = f"parts.{at}.accounting", quote.report.parts[at].accounting
    held: Sentence = ()
    left_out, least = f"{path}.unaccounted", "at least " if counted.unknown_messages else ""
    if counted.still_held or counted.unknown_messages:
        left_out = f"objectives.{_missed_unaccounted(quote.report, at)}.low"
    if counted.still_held:
        verb = " was" if counted.still_held == 1 else " were"
        held = (
            ", and ",
            quote.count(f"{path}.still_held"),
            f"{verb} still in the sender when the wait ended",
        )
    if counted.unaccounted == counted.accepted and not held and not least:
        accepted = quote.count(f"{path}.accepted")
        messages = " message" if counted.accepted == 1 else " messages"
        return (f"{target_name(quote.report)} accepted ", accepted, messages, "; none reached the provider")
    return (
        f"{target_name(quote.report)} accepted ",
        quote.count(f"{path}.accepted"),
        f" messages; {least}",
        quote.count(left_out),
        " of them never reached the provider",
        *held,
    )


def _too_much_offered(quote: Quote, at: int) -> Sentence:
    """``my-sender accepts at most 97.0/s; this load offers 373/s. 7,051 of 23,600 messages were refused.``

    A lower rate is claimed only if the sender continued to accept messages at it.
    """
    part, path = quote.report.parts[at], f"parts.{at}"
    rates: Sentence = (f"{target_name(quote.report)} did not accept every message. ",)
    cause = leading(part)
    stopped = cause is not None and part.bottlenecks[cause].kind == "sender_stopped"
    if cause is not None and part.bottlenecks[cause].kind in _OF_THE_API:
        rates = (quote.text(f"{path}.bottlenecks.{cause}.text"), ". ")
    busy = bool(part.bottlenecks) and part.bottlenecks[0].kind == "machine"  # its rates are lower bounds
    rate = part.throughput
    if not (busy or stopped) and rate.accepts_at_most and rate.accepted_best and rate.offered_peak:
        rates = (
            f"{target_name(quote.report)} accepts at most ",
            quote.rate(f"{path}.throughput.accepted_best.per_s", subject=f"accepted {path}"),
            "; this load offers ",
            quote.rate(f"{path}.throughput.offered_peak.per_s", subject=f"offered {path}"),
            ". ",
        )
    listed: list[str | Figure] = []
    for index, (field, text) in enumerate(_not_taken_counts(part)):
        count = getattr(part.accounting, field)
        verb_agrees = text.replace("were ", "was ", 1) if count == 1 else text
        listed += [", "] if index else []
        listed.append(quote.count(f"{path}.accounting.{field}"))
        listed += [] if index else [" of ", quote.count(f"{path}.accounting.planned"), " messages"]
        listed.append(f" {verb_agrees}")
        if field == "refused" and part.accounting.refused_recipients:
            numbers = quote.count(f"{path}.accounting.refused_recipients")
            listed += [" (", numbers, " of them for a phone number that the provider refuses)"]
    return (*rates, *listed, ".")


def _not_taken_counts(part: PartReport) -> Iterator[tuple[str, str]]:
    """Without refusals if the provider refuses each of the phone numbers: the sender then refused none."""
    counted = part.accounting
    only_numbers = counted.refused == counted.refused_recipients
    late = ", or because the bench was late" if counted.dropped_by_bench else ""
    late += ", or because the bench had no room for them" if counted.dropped_at_machine_limit else ""
    for field, text in (
        ("refused", "were refused"),
        ("failed_at_api", "got no usable answer"),
        ("unfinished", "got no answer"),
        ("dropped", f"were not sent because too many requests were unanswered at the same time{late}"),
    ):
        shown = getattr(counted, "dropped_at_limit" if field == "dropped" else field)
        if shown and not (field == "refused" and only_numbers):
            yield field, text


def _undecided(quote: Quote) -> Sentence:
    report = quote.report
    place = worst_objective(report, "undecided")
    if report.no_rate is not None:
        return _no_rate(quote, "No rate is known to meet every objective.")
    if place is None:
        return ("No objective was judged.",)
    unseen = next(
        (
            at
            for at, each in enumerate(report.objectives)
            if each.decides and each.measure in _LOSSES and each.verdict == "undecided" and each.high
        ),
        None,
    )
    place = _without_room(report, place) if unseen is None else unseen
    objective = report.objectives[place]
    at = objective_part(report, objective)
    if unseen is not None:
        counted = report.parts[at].accounting
        of_copies = objective.measure == "duplicates"
        if of_copies and counted.unknown_messages > 2 * counted.without_key:  # most are not the load's own
            return ("No objective was missed. ", *with_new_keys(quote, at))
        if counted.without_key:
            return ("No objective was missed. ", *without_key(quote, at), " Their loss cannot be judged.")
    asked = objective_sentence(quote, place)
    return ("No objective was missed. ", *asked, " is undecided: ", *undecided_sentence(quote, place), ".")


def _without_room(report: RunReport, place: int) -> int:
    """The objective on messages not taken, if the bench had no room to send some: then more of this load does
    not help. Else ``place``.
    """
    asked = (
        at
        for at, each in enumerate(report.objectives)
        if each.decides and each.measure == "not_taken" and each.verdict == "undecided"
        if report.parts[objective_part(report, each)].accounting.dropped_at_machine_limit
    )
    return next(asked, place)


def trust(quote: Quote) -> Sentence:
    """Whether the bench was on time and every message is accounted for, or which checks warn."""
    report = quote.report
    failed = _failed_check(quote) if report.validity == "invalid" else None
    if failed is not None and report.checks[failed].advice:
        return ("What to do: ", quote.text(f"checks.{first_shown(report, failed)}.advice"), ".")
    if report.validity == "invalid" or not any(part.accounting.rows for part in report.parts):
        return ("The figures below do not describe the sender.",)
    warned = caveats(quote)
    if warned:
        return warned
    if not any(live(part) for part in report.parts):
        return ("Valid: in virtual time the bench cannot be late", *_accounted(report))
    late = [
        (each.value_number, place)
        for place, each in enumerate(report.checks)
        if each.name == SCHEDULE_LAG and each.state == "ok" and each.value_number is not None
    ]
    if not late:
        return ("Valid: no check failed", *_accounted(report))
    lag = quote.seconds(f"checks.{max(late)[1]}.value_number", subject="schedule lag")
    return ("Valid: the bench was on time (99 % of messages sent within ", lag, ")", *_accounted(report))


def _accounted(report: RunReport) -> Sentence:
    accounting = all(each.state == "ok" for each in report.checks if each.name == "accounting")
    missing = any(_missing(part.accounting) for part in report.parts)
    return (", and every message is accounted for.",) if accounting and not missing else (".",)


def _missing(counted: Accounting) -> int:
    refused = counted.given_up + counted.to_repeat
    return counted.unaccounted + counted.unknown_to_both + refused + counted.without_key
