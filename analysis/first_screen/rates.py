"""Messages per second: the sustained rate of a capacity search, or the best ten seconds of a part."""

from __future__ import annotations

from analysis.capacity_record import ALLOWS_FOR_CHANCE, allows_for_chance
from analysis.findings import NO_TURN, NOT_FORWARDED, Bottleneck, acts_after_acceptance
from analysis.first_screen.no_rate import no_rate_row, no_rate_sentences, profile_label
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import AnswerRow, ScreenAnswer, Sentence
from analysis.first_screen.wording import (
    deciding,
    in_part,
    leading,
    live,
    not_taken,
    part_title,
    trusted,
    with_evidence,
)
from analysis.formatting import RATE_OF_DELIVERIES, rate_text, significant
from analysis.judge.levels import fell_behind
from analysis.judge.rate_basis import too_few
from analysis.judge.verdict import overall
from analysis.model import AnswerState, BestRate, PartReport, RunReport

NO_LIMIT = "No limit was reached"
NO_LIMIT_OF_THE_RATE = "No limit of the rate was reached"
OTHER_OBJECTIVES = "The search used other objectives: an objective that is missed here is not one of them."
API_OBJECTIVE = (
    "; no objective limits the time of an answer (to set one: smsbench report --slo with api, "
    "docs/objectives.md)"
)
_MOST_DIGITS = 6
_CLEARLY_MORE = 1.1  # random arrivals: the best ten seconds are a little above the mean


def rate_answer(quote: Quote) -> ScreenAnswer:
    """The sustained rate of a capacity search; without a search the best ten seconds of a part."""
    report = quote.report
    rows, sentences = [], []
    of_search = ""  # the sentences of the search name its profile if there is a row of another profile
    if report.capacity is not None:
        of_search = f"profile {report.capacity.profile}"
        row, added = _capacity(quote)
        rows.append(row)
        sentences += added
    best = _best_part(report)
    if best is not None:
        row, added = _best_seconds(quote, best)
        rows.append(row)
        sentences = [*_together(f"{of_search}: ", sentences), *added]
    state = _state(report) if rows else "unknown"
    if report.validity == "invalid":
        state = "untrusted"
    if not rows:
        sentences = [("No rate was measured.",)]
    return ScreenAnswer(
        name="rate",
        question="How many messages per second are possible?",
        rows=tuple(rows),
        sentences=tuple(sentences),
        state=state,
    )


def _together(lead: str, sentences: list[Sentence]) -> list[Sentence]:
    """One item of the list, so that it names the profile once."""
    pieces = [piece for each in sentences for piece in (" ", *each)]
    return [(lead, *pieces[1:])] if pieces else []


def _state(report: RunReport) -> AnswerState:
    """Bad if a load was not sustained. Unknown if the figures do not show a rate that is possible."""
    parts = [part for _, part in deciding(report) if trusted(part)]
    found = report.capacity
    failed = found is not None and found.sustained_per_s is None
    missed = found is not None and any(each.verdict == "missed" for each in found.trials)
    if any(not_taken(part) or part.sustained is False for part in parts) or (failed and missed):
        return "bad"
    if failed or any(part.sustained is None or part.accounting.unaccounted for part in parts):
        return "unknown"
    return "good"


def _capacity(quote: Quote) -> tuple[AnswerRow, list[Sentence]]:
    found = quote.report.capacity
    assert found is not None
    label = profile_label(found)
    sentences: list[Sentence] = []
    rate = quote.rate("capacity.sustained_per_s", subject="sustained rate")
    if found.bottlenecks:
        above: Sentence = ("Above ", rate) if found.sustained_per_s is not None else ("At every rate",)
        sentences.append((*above, " the bottleneck is: ", quote.text("capacity.bottlenecks.0"), "."))
    elif found.sustained_per_s is not None and any(each.verdict == "missed" for each in found.trials):
        sentences.append(("Above ", rate, " the bottleneck is unknown: the trials do not show it."))
    if found.sustained_per_s is None:
        return no_rate_row(quote, label), [*sentences, *no_rate_sentences(quote)]
    day: Sentence = ()
    if found.messages_per_day is not None:
        day = ("the peak of a day of ", quote.per_day("capacity.messages_per_day"))
    if found.high_per_s is not None:
        low, high = quote.rate_interval("capacity.low_per_s", "capacity.high_per_s")
        interval: Sentence = ("(", low, " to ", high, ")")
    else:
        interval = ("(", quote.rate("capacity.low_per_s"), " or more)")
        sentences += _not_measured_beyond(quote)
    if found.precision_missed is not None:
        wider = "The interval is wider than the precision asked for: "
        why = "the search of the bench is brief, and " if found.brief else ""
        sentences.append((wider, why, quote.text("capacity.ended"), "."))
        if found.high_per_s is not None:
            sentences.append(("The capacity of this machine may be anywhere in the interval.",))
    if allows_for_chance(found):
        sentences.append((f"{ALLOWS_FOR_CHANCE}.",))
    sentences += _other_objectives(quote)
    value: Sentence = (rate, " sustained")
    more = delivered_more(quote.report)
    if more is not None:
        sentences.append(
            (
                "The capacity is higher than this search found: ",
                quote.rate(f"parts.{more}.throughput.delivered_best.per_s", subject=f"best rate {more}"),
                *(f" were {RATE_OF_DELIVERIES} in the part: ", part_title(quote, more), "."),
            )
        )
    return AnswerRow(label=label, value=value, interval=interval, limit=day), sentences


def _other_objectives(quote: Quote) -> list[Sentence]:
    """That the search did not judge a missed objective: otherwise its rate would contradict the NO."""
    found = quote.report.capacity
    assert found is not None
    missed = (each for each in quote.report.objectives if each.decides and each.verdict == "missed")
    other = any(each.objective not in found.objectives for each in missed)
    return [(OTHER_OBJECTIVES,)] if other else []


def _not_measured_beyond(quote: Quote) -> list[Sentence]:
    """Why the search stopped there: the bench was too slow, or a trial was undecided or too short."""
    found = quote.report.capacity
    assert found is not None
    above = [
        (each.rate_per_s, each.needed_load_s is None, place)
        for place, each in enumerate(found.trials)
        if (each.verdict in ("invalid", "undecided") or each.needed_load_s is not None)
        and each.rate_per_s > (found.sustained_per_s or 0.0)
    ]
    if not above and found.precision_missed is None and found.ended:
        return [("The capacity may be higher: ", quote.text("capacity.ended"), ".")]
    if not above:  # the precision that was missed is shown with the reason
        return []
    place = min(above)[-1]
    rate = quote.rate(f"capacity.trials.{place}.rate_per_s")
    if found.trials[place].needed_load_s is not None:
        needed = quote.span(f"capacity.trials.{place}.needed_load_s")
        too_short = " was met, but its load was too short to rule out a reserve of the sender: that needs "
        return [("The capacity may be higher: ", rate, too_short, needed, ".")]
    why = "the bench itself was too slow"
    if found.trials[place].verdict == "undecided":
        why = "the trial was undecided"
    return [("The capacity may be higher: at ", rate, f" {why}.")]


def delivered_more(report: RunReport) -> int | None:
    """The position of a live part that delivered clearly more than the search found (more than the upper end
    of its interval, if known). On a busy machine a search can end too low; its figure alone would be
    misleading.
    """
    found = report.capacity
    if found is None or found.sustained_per_s is None:
        return None
    faster = [
        (rate.per_s, -place)
        for place, part in enumerate(report.parts)
        if trusted(part) and live(part) and (rate := part.throughput.delivered_best) and not too_few(rate)
    ]
    per_s, place = max(faster, default=(0.0, 0))
    found_per_s = max(_CLEARLY_MORE * found.sustained_per_s, found.high_per_s or 0.0)
    return -place if per_s > found_per_s else None


def _best_part(report: RunReport) -> int | None:
    """The position of the trusted part with the highest rate. Order: live, simulated, parts with few
    messages. Parts on the profile of the capacity search are excluded.
    """
    searched = report.capacity.profile if report.capacity else None
    found = [
        (place, part)
        for place, part in enumerate(report.parts)
        if trusted(part) and _best_rate(part) is not None and part.identity.profile != searched
    ]
    if not found:
        return None

    def rank(item: tuple[int, PartReport]) -> tuple[bool, bool, float]:
        rate = _best_rate(item[1])
        return live(item[1]), not too_few(rate), rate.per_s if rate else 0.0

    return max(found, key=rank)[0]


def _best_rate(part: PartReport) -> BestRate | None:
    return part.throughput.delivered_best or part.throughput.accepted_best


def _best_seconds(quote: Quote, place: int) -> tuple[AnswerRow, list[Sentence]]:
    part, path = quote.report.parts[place], f"parts.{place}.throughput"
    field = "delivered_best" if part.throughput.delivered_best else "accepted_best"
    done = RATE_OF_DELIVERIES if part.throughput.delivered_best else "accepted"
    label = f"profile {part.identity.profile or 'unknown'}"
    title = in_part(quote, place)
    window = quote.span(f"{path}.{field}.window_s")
    if too_few(_best_rate(part)):
        few: Sentence = ("not measured: too few messages in the best ", window)
        row = AnswerRow(label=label, value=few, limit=_contract(quote, place, field))
        return row, [title] if title else []
    bottleneck = _bottleneck(quote, place)
    lead = "" if bottleneck or _pauses(part) is not None else "at least "
    row = AnswerRow(
        label=label,
        value=(
            lead,
            quote.rate(f"{path}.{field}.per_s", subject=f"best rate {place}"),
            f" {done} in the best ",
            window,
        ),
        interval=(
            "(offered ",
            quote.rate(f"{path}.offered_peak.per_s"),
            " at the peak)",
        )
        if part.throughput.offered_peak
        else (),
        limit=_contract(quote, place, field),
    )
    limit: Sentence = (*title, *(bottleneck or _no_limit(quote, place)))
    return row, [limit, *_without_turn(quote, place), *_uncounted(quote, place)]


def _no_limit(quote: Quote, place: int) -> Sentence:
    """Names a delay that does not limit the rate, such as a sender that holds every message."""
    part = quote.report.parts[place]
    if not part.bottlenecks:
        return (f"{NO_LIMIT}, so the capacity may be higher.",)
    pauses = _pauses(part)
    if pauses is None and any(each.reach_kind == "network_alone" for each in quote.report.objectives):
        return (f"{NO_LIMIT_OF_THE_RATE}, so the capacity may be higher.",)  # the delay is named above
    at = 0 if pauses is None else pauses
    found, path = part.bottlenecks[at], f"parts.{place}.bottlenecks.{at}"
    # A NO has the evidence in its sentence on the cause.
    has_evidence_above = overall(quote.report.objectives) == "missed"
    named = (quote.text(f"{path}.text"),) if has_evidence_above else with_evidence(quote, path, found)
    if pauses is not None:
        return (*named, ". This load does not show what the sender sustains without such a time.")
    return (
        f"{NO_LIMIT_OF_THE_RATE}, so the capacity may be higher. But messages were delayed: ",
        *named,
        *_without_api_objective(quote.report, found),
        ".",
    )


def _pauses(part: PartReport) -> int | None:
    """The position of the bottleneck that says that the sender forwarded nothing at times; None without one.

    The best seconds of such a sender do not show what it sustains.
    """
    return next((at for at, each in enumerate(part.bottlenecks) if "paused" in each.signs), None)


def _without_api_objective(report: RunReport, found: Bottleneck) -> Sentence:
    """How to judge an API whose answers are slow, if no objective limits them: the defaults have none."""
    if found.kind != "sender_api" or any(each.measure == "api_response" for each in report.objectives):
        return ()
    return (API_OBJECTIVE,)


def _named(quote: Quote, place: int, at: int) -> Sentence:
    """The bottleneck. An undecided report shows its evidence here, since it has no sentence on the cause."""
    path = f"parts.{place}.bottlenecks.{at}"
    undecided = overall(quote.report.objectives) == "undecided"
    return with_evidence(quote, path, quote.value(path)) if undecided else (quote.text(f"{path}.text"),)


def _uncounted(quote: Quote, place: int) -> list[Sentence]:
    """Deliveries that the rate leaves out: a caller that got no acceptance has to send the message again."""
    counted = quote.report.parts[place].accounting
    if not counted.delivered_unacknowledged:
        return []
    other = " other" if counted.accepted else ""
    count = quote.count(f"parts.{place}.accounting.delivered_unacknowledged")
    return [(count, f"{other} messages were delivered without being accepted. The rate does not count them.")]


def _without_turn(quote: Quote, place: int) -> list[Sentence]:
    """That the rate has hardly a message of one class, which the sender held until the load had ended."""
    hints = quote.report.parts[place].hints
    return [
        (quote.text(f"parts.{place}.hints.{at}.text"), ".")
        for at, each in enumerate(hints)
        if each.name == NO_TURN
    ]


def _contract(quote: Quote, place: int, field: str) -> Sentence:
    """The contract's limit in messages per second. Empty if shorter messages exceeded it."""
    found = quote.report.parts[place].throughput
    rate: BestRate = getattr(found, field)
    if found.contract_per_s is None or rate.per_s > found.contract_per_s:
        return ()
    path = f"parts.{place}"
    cost = quote.report.parts[place].cost
    digits = factor_digits(found.contract_segments_per_s or 0.0, cost.segments_per_message or 0.0)
    return (
        "the contract allows at most ",
        quote.rate(f"{path}.throughput.contract_per_s"),
        " (",
        quote.number(f"{path}.throughput.contract_segments_per_s"),
        " segments/s at ",
        quote.number(f"{path}.cost.segments_per_message", digits=digits),
        " per message)",
    )


def factor_digits(segments_per_s: float, per_message: float) -> int:
    """The digits of the factor with which a reader computes the rate that the sentence shows."""
    for digits in range(3, _MOST_DIGITS):
        shown = float(significant(per_message, digits))
        if shown and rate_text(segments_per_s / shown) == rate_text(segments_per_s / per_message):
            return digits
    return _MOST_DIGITS


def limiting(part: PartReport) -> int | None:
    """The position of the bottleneck that limited the part; None if nothing is known to have limited it.

    Messages that were not forwarded are a loss and no limit. If the load was sustained, a hold, a slow
    answer, a fault, the network and a delay without a known cause are delays and no limits either, whatever
    the objectives say. A network that is slow or loses messages limits no rate.
    """
    delays = ("sender_hold", "sender_api", "provider_fault", "network", "unknown", *NOT_FORWARDED)
    causes = delays if sustained(part) else NOT_FORWARDED
    first = leading(part)
    found = part.bottlenecks
    limits = [
        at for at, each in enumerate(found) if each.kind not in causes and not acts_after_acceptance(each)
    ]
    return first if first in limits else next(iter(limits), None)


def sustained(part: PartReport) -> bool:
    """Whether every message was taken and the backlog did not grow; a loss limits no rate.

    If a load is too short to show growth, the waits at its end were no longer than before.
    """
    if part.backlog_grew is False:
        return not not_taken(part)
    if part.sustained is None and fell_behind(part):
        return False
    return not not_taken(part) and part.sustained is not False


def limited(part: PartReport) -> bool:
    """Whether something is known to have limited the part."""
    waited = bool(part.throughput.limit) and not (sustained(part) and part.bottlenecks)
    return limiting(part) is not None or waited or part.backlog_grew is True


def seen_by_provider(part: PartReport) -> bool:
    """Whether the provider's rows have the final states of its messages."""
    return bool(part.delivery or part.handsets) or not part.accounting.accepted


def _bottleneck(quote: Quote, place: int) -> Sentence:
    """What limited the part; empty if nothing did."""
    part = quote.report.parts[place]
    at = limiting(part)
    if at is not None:
        return ("Bottleneck: ", *_named(quote, place, at), ".")
    if not seen_by_provider(part):
        return ("What limited the rate cannot be determined without the provider's rows.",)
    if part.bottlenecks and part.bottlenecks[0].kind in NOT_FORWARDED:
        if any(each.measure == "unaccounted" and each.verdict == "undecided" for each in part.objectives):
            return ("The sender may still have had messages when the wait ended, so this is not a capacity.",)
        if part.bottlenecks[0].kind == "sender_gave_up":
            return ("The provider refused messages that the sender had accepted, so this is not a capacity.",)
        return ("Not every accepted message was forwarded to the provider, so this is not a capacity.",)
    if not limited(part):
        return ("The sender did not accept every message.",) if not_taken(part) else ()
    if part.throughput.limit:
        return ("Limit: ", quote.text(f"parts.{place}.throughput.limit"), ".")
    return ("The sender's queue grew.",)
