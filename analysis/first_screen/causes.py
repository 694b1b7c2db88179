"""For a NO: the cause of the objective that the headline names, and what to change.

A bottleneck limits a rate or adds a wait. So it is the cause of a missed time, and of messages that were not
taken. A duplicate, a loss, a price or an undelivered message has a cause of its own. The bottleneck of
another part is no cause.
"""

from __future__ import annotations

from collections.abc import Callable

from analysis.classes import GUARDED_CLASS
from analysis.findings import (
    NO_PRIORITY,
    NOT_FORWARDED,
    POINTS,
)
from analysis.first_screen.advice import what_to_change
from analysis.first_screen.copies import no_copies, submitted_again, when_repeated
from analysis.first_screen.cost import missed_by_duplicates
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import Figure, Sentence
from analysis.first_screen.wording import (
    deciding,
    evidence_of,
    leading,
    not_taken,
    objective_part,
    part_title,
    trusted,
    with_evidence,
    worst_objective,
)
from analysis.model import Objective, PartReport, RunReport
from analysis.objectives.grammar import Measure

_ABSENT = ("absent_subscriber", "handset_off")
_PLAIN_REASONS = {
    **dict.fromkeys(_ABSENT, "the phone was off or out of coverage"),
    "unknown_subscriber": "the number is not in service",
    "blocked_by_operator": "the carrier blocked the message",
    "filtered_by_carrier": "the carrier blocked the message",
    "no_report_from_operator": "the carrier sent no delivery report",
    "landline": "the number is a landline",
    "network_error": "the network failed",
    "validity_passed": "the message's validity passed before it was delivered",
}

_NOT_ARRIVING = frozenset(("network_loses", "validity_passed"))


def causes(quote: Quote, headline: Sentence) -> tuple[Sentence, ...]:
    """Empty if no objective was missed, as in a search in which no rate met them, or if nothing is known.

    A bottleneck that the headline names is not named again: its evidence follows. If the headline is about
    messages that were not taken, what the network does to delivery times is no cause.
    """
    report = quote.report
    place = worst_objective(report, "missed")
    if place is None:
        return ()
    objective = report.objectives[place]
    at = objective_part(report, objective)
    in_headline = {piece.source for piece in headline if isinstance(piece, Figure)}
    reach: tuple[Sentence, ...] = ()
    by_network = objective.reach_kind == "network_alone" and not_taken(report.parts[at])
    if objective.reach and objective.measure not in _OWN and not by_network:
        reach = ((quote.text(f"objectives.{place}.reach"), "."),)
    named: list[Sentence] = []
    for number in _numbers(report.parts[at], objective.measure):
        found = report.parts[at].bottlenecks[number]
        # The sentence on the reach says what the network as a bottleneck would say.
        if not (reach and found.kind == "network" and objective.reach_kind == "network_alone"):
            named += _named(quote, at, number, in_headline)
        named += _advice(quote, at, number)
    if objective.measure in _OWN:
        return (*named, *_OWN[objective.measure](quote, at))
    order = no_priority(report)
    if order is not None:
        named.append((quote.text(f"parts.{order[0]}.hints.{order[1]}.text"), "."))
    return (*reach, *named) or (("Bottleneck: unknown. The samples of this run do not show it.",),)


def undecided_advice(quote: Quote) -> tuple[Sentence, ...]:
    """For an UNDECIDED: the first bottleneck of a deciding part, and what to change about it."""
    several = len(quote.report.parts) > 1
    for at, part in deciding(quote.report):
        number = leading(part) if trusted(part) else None
        if number is None:
            continue
        advice = _advice(quote, at, number)
        if advice:
            lead = "Cause" if part.bottlenecks[number].kind in NOT_FORWARDED else "Bottleneck"
            of: Sentence = (" (part: ", part_title(quote, at), ")") if several else ()
            named = (lead, *of, ": ", quote.text(f"parts.{at}.bottlenecks.{number}.text"), ".")
            return (named, *advice)
    return ()


def no_priority(report: RunReport) -> tuple[int, int] | None:
    """Part and position of the hint that the late OTPs waited as long as other messages, if the objective
    that the headline names is one on their time.
    """
    place = worst_objective(report, "missed")
    if place is None or report.objectives[place].measure != "delivery_time":
        return None
    if report.objectives[place].message_class != GUARDED_CLASS:
        return None
    at = objective_part(report, report.objectives[place])
    names = [each.name for each in report.parts[at].hints]
    return (at, names.index(NO_PRIORITY)) if NO_PRIORITY in names else None


def _numbers(part: PartReport, measure: Measure) -> list[int]:
    """The bottlenecks of the part that are causes, by position: the first one, and messages that were not
    forwarded.

    If an objective has another kind of cause, the first one is shown only if the headline is about it (the
    sender stopped, or did not take every message), or beside a loss if messages were late too.
    """
    kinds = [each.kind for each in part.bottlenecks]
    losses = [place for place, kind in enumerate(kinds) if kind in NOT_FORWARDED]
    stopped = [place for place, kind in enumerate(kinds) if kind == "sender_stopped"]
    first = leading(part)
    named = [] if first is None else [first]
    if measure in ("loss", "unaccounted") and _is_also_late(part):
        stopped = stopped or named
    if measure not in _OWN or not_taken(part):
        return list(dict.fromkeys((*named, *_slow_after_fault(part), *stopped, *losses)))
    if measure in ("duplicates", "cost_per_1000"):
        return []
    lost = _undelivering(part) if measure == "delivered" else []
    return list(dict.fromkeys((*stopped, *lost, *losses)))


def _slow_after_fault(part: PartReport) -> list[int]:
    """Beside a fault of the provider: the sender that stays slow after it, which a run without it hides."""
    if part.bottlenecks[:1] and part.bottlenecks[0].kind == "provider_fault":
        return [place for place, each in enumerate(part.bottlenecks) if "slow_after_refusal" in each.signs]
    return []


def _is_also_late(part: PartReport) -> bool:
    """Whether a rate or a wait is at fault as well: a missed time, or messages still in the sender."""
    missed = {each.measure for each in part.objectives if each.verdict == "missed"}
    return bool(missed & {"availability", "delivery_time"}) or part.accounting.still_held > 0


def _undelivering(part: PartReport) -> list[int]:
    """A network that loses messages, or in which they expire; or, if most of them expired in a queue, the
    bottleneck.
    """
    lossy = [place for place, each in enumerate(part.bottlenecks) if _NOT_ARRIVING & set(each.signs)]
    reason = _first_reason(part)
    words = "" if reason is None else part.reasons[reason].reason
    expired = words.startswith("expired") and not words.endswith(_ABSENT)
    return lossy or ([0] if expired and part.bottlenecks else [])


def _named(quote: Quote, at: int, number: int, in_headline: set[str]) -> list[Sentence]:
    """Messages that were not forwarded are a loss and no bottleneck, so that they have words of their own."""
    found = quote.report.parts[at].bottlenecks[number]
    path = f"parts.{at}.bottlenecks.{number}"
    if f"{path}.text" in in_headline:
        # The headline has the counts of the messages that were not taken too.
        evidence = evidence_of(quote, path, found, without=found.counts)
        return [("Evidence: ", *evidence, ".")] if evidence else []
    lead = "Bottleneck: "
    if found.kind in NOT_FORWARDED:
        # A headline on messages that were not taken is not about these, which were accepted.
        lead = "Cause of the loss: " if not_taken(quote.report.parts[at]) else "Cause: "
    return [(lead, *with_evidence(quote, path, found), ".")]


def _advice(quote: Quote, at: int, number: int) -> list[Sentence]:
    found = quote.report.parts[at].bottlenecks[number]
    advice = what_to_change(quote, at, number)
    lead = "What to do: " if found.kind in NOT_FORWARDED else "What to change: "
    return [(lead, *advice)] if advice else []


def _loss(_quote: Quote, _at: int) -> tuple[Sentence, ...]:
    return ()  # the bottlenecks of the part have the losses with a known cause


def _duplicates(quote: Quote, at: int) -> tuple[Sentence, ...]:
    return ((*submitted_again(quote, at), *when_repeated(quote, at), "."), no_copies(quote, at))


def _undelivered(quote: Quote, at: int) -> tuple[Sentence, ...]:
    """The most frequent reason of messages that did not arrive, and the table that has all of them."""
    part, path = quote.report.parts[at], f"parts.{at}"
    place = _first_reason(part)
    if place is None:
        return ()
    shown: Sentence = (
        *("Cause: of all ", quote.count(f"{path}.accounting.accepted"), " accepted messages "),
        *(quote.count(f"{path}.accounting.failed"), " failed, "),
        *(quote.count(f"{path}.accounting.expired"), " expired and "),
        *(quote.count(f"{path}.accounting.open"), " were still open at the end. "),
        "The most frequent reason: ",
        *_reason(quote, f"{path}.reasons.{place}"),
        *(quote.count(f"{path}.reasons.{place}.accepted"), "). "),
        "The table Why messages did not arrive has every reason.",
    )
    return (shown,)


def _reason(quote: Quote, path: str) -> Sentence:
    """``the phone was off or out of coverage (provider, undelivered: absent_subscriber, ``.

    A name without plain words is shown as it is, unless it is an identifier.
    """
    source, reason = quote.text(f"{path}.source"), quote.text(f"{path}.reason")
    name = reason.text.rpartition(": ")[2]
    if name not in _PLAIN_REASONS and "_" not in name:
        return (reason, " (", source, ", ")
    plain = _PLAIN_REASONS.get(name, f"one that the {source.text} names")
    return (f"{plain} (", source, ", ", reason, ", ")


def _first_reason(part: PartReport) -> int | None:
    """The position of the most frequent reason of accepted messages."""
    counts = [each.accepted for each in part.reasons]
    return counts.index(max(counts)) if any(counts) else None


def _price(quote: Quote, at: int) -> tuple[Sentence, ...]:
    part, path = quote.report.parts[at], f"parts.{at}.cost"
    unit = part.cost.currency or POINTS
    copies = quote.amount(f"{path}.duplicates_points", unit)
    if any(missed_by_duplicates(part, each) for each in _of_cost(quote.report, at)):
        paid: Sentence = (
            ": the copies cost ",
            copies,
            " of ",
            quote.amount(f"{path}.points", unit),
            " paid.",
        )
        return ((*submitted_again(quote, at), *paid), no_copies(quote, at))
    return (
        (
            *_paid(quote, at, unit),
            *(
                quote.amount(f"{path}.undelivered_points", unit),
                " for messages that failed or expired and ",
            ),
            *(copies, " for duplicates."),
        ),
        ("What to change: fewer segments per message, or a lower price per segment.",),
        *((no_copies(quote, at),) if part.cost.duplicates_points else ()),
    )


def _paid(quote: Quote, at: int, unit: str) -> Sentence:
    """The segments are the load's: they do not have the price of messages with other keys."""
    path = f"parts.{at}.cost"
    paid = quote.amount(f"{path}.points", unit)
    again: Sentence = ()
    if quote.report.parts[at].cost.duplicates_segments:
        again = (" and ", quote.count(f"{path}.duplicates_segments"), " of duplicates")
    if not quote.report.parts[at].cost.other_keys_points:
        return (
            "Cause: the ",
            quote.count(f"{path}.segments"),
            " segments",
            *again,
            " cost ",
            paid,
            ", of which ",
        )
    others = quote.amount(f"{path}.other_keys_points", unit)
    return (
        "Cause: ",
        paid,
        " were paid, of which ",
        others,
        " for messages with other keys (may be copies), ",
    )


def _of_cost(report: RunReport, at: int) -> tuple[Objective, ...]:
    return tuple(
        each
        for each in report.objectives
        if each.measure == "cost_per_1000" and each.verdict == "missed" and objective_part(report, each) == at
    )


_OWN: dict[Measure, Callable[[Quote, int], tuple[Sentence, ...]]] = {
    "loss": _loss,
    "unaccounted": _loss,
    "duplicates": _duplicates,
    "delivered": _undelivered,
    "cost_per_1000": _price,
}
