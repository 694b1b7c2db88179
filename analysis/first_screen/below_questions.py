"""Lines below the five questions: burst, concurrent campaigns, cost, questions for the provider."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.classes import ALL, GUARDED_CLASS, class_text, messages_of
from analysis.findings import (
    NO_PRIORITY,
    NO_TURN,
    ON_LIMITS,
    REPLY_AS_DRAWN,
    REPORTS_NOT_CONFIRMED,
    UCS2,
    ComparedClass,
    DelaySplit,
)
from analysis.first_screen.advice import CONTRACT_SHARE, faulty, same_limit, sender_dominates, sufficient
from analysis.first_screen.campaigns import campaigns
from analysis.first_screen.causes import no_priority
from analysis.first_screen.cost import cost
from analysis.first_screen.differences import difference_sentence
from analysis.first_screen.quoting import Quote
from analysis.first_screen.rates import limited
from analysis.first_screen.values import Aside, Figure, Sentence
from analysis.first_screen.wording import (
    deciding,
    in_part,
    live,
    place_of,
    trusted,
    within_text,
)
from analysis.model import BurstResult, PartReport, RunReport
from analysis.quantile import Quantile

_MOST_HINTS = 2
_FIRST = (NO_PRIORITY, "otp_without_priority", REPORTS_NOT_CONFIRMED)
_LIMITED_BY_CONTRACT = ("delivery_time", "not_taken", "availability")
_STAGE_SHARE = 0.005  # of the mean difference; a smaller one does not change the digits shown
_TAIL_SHARE = 0.02  # of the mean size of the largest differences; it has fewer messages than that mean
_FAULTS_DIFFER = "The provider's faults before the burst and during it were not the same"
_STAGE_WORDS = {
    "generator lag": "because the bench sent later than planned",
    "sender API": "until the sender stored the message and answered",
    "sender queue": "in the sender's queue",
    "provider": "until the provider answered",
    REPLY_AS_DRAWN: "because the provider drew another reply delay (it draws one per request)",
    "carrier queue": "in the carriers' queues",
    "radio": "on the radio",
}


ASK = "Ask for a higher limit"


def below_questions(quote: Quote) -> tuple[Aside, ...]:
    """The lines for which this run has data."""
    found = (
        Aside(name="burst", label="A burst", sentences=burst(quote)),
        Aside(name="campaigns", label="Concurrent campaigns", sentences=campaigns(quote)),
        Aside(name="real", label="Live compared with simulated", sentences=live_against_simulated(quote)),
        Aside(name="cost", label="Cost", sentences=(*cost(quote), *_needless_segments(quote))),
        Aside(
            name="ask",
            label="What to ask the provider, or to change at your end",
            sentences=ask_the_provider(quote),
        ),
    )
    return tuple(each for each in found if each.sentences)


def burst(quote: Quote) -> tuple[Sentence, ...]:
    """Its effect on the guarded class, and the effect of priorities.

    A live part goes before a simulated one.
    """
    with_burst = [
        (place, part)
        for place, part in enumerate(quote.report.parts)
        if part.burst is not None and trusted(part)
    ]
    if not with_burst:
        return ()
    decisive = {place for place, _ in deciding(quote.report)}
    place, part = max(with_burst, key=lambda item: (item[0] in decisive, live(item[1])))
    assert part.burst is not None
    path = f"parts.{place}.burst"
    head: Sentence = (
        quote.count(f"{path}.messages"),
        f" {messages_of(part.burst.message_class)} at ",
        quote.rate(f"{path}.rate_per_s"),
    )
    compared: Sentence = (*_before_and_during(quote, path, part.burst), ".")
    if _faults_differ(part, part.burst):
        them = messages_of(part.burst.guarded_class or GUARDED_CLASS)
        compared = (f"{_FAULTS_DIFFER}, so that the burst's effect on the {them} cannot be determined.",)
    return ((*head, ". ", *compared), *_priorities(quote))


def _faults_differ(part: PartReport, found: BurstResult) -> bool:
    """Whether a fault was active before the burst or during it, and not the whole time of both.

    The burst lasts until most of its messages have arrived.
    """
    after_s = found.mostly_delivered_after_s
    until_s = found.to_s + (found.observed_after_s if after_s is None else after_s)
    return any(
        band.from_s is not None
        and band.from_s < until_s
        and (band.to_s is None or band.to_s > 0.0)
        and not (band.from_s <= 0.0 and (band.to_s is None or band.to_s >= until_s))
        for band in part.faults
    )


def _before_and_during(quote: Quote, path: str, found: BurstResult) -> Sentence:
    """Percentiles during and before the burst. A difference is claimed only if its interval excludes zero."""
    name = class_text(found.guarded_class or GUARDED_CLASS)
    places = [
        place
        for place, (before, during) in enumerate(
            zip(found.guarded_before, found.guarded_during, strict=False)
        )
        if before.value_s is not None and during.value_s is not None
    ]
    if not places:
        return (f"Too few {messages_of(found.guarded_class or GUARDED_CLASS)} to compare before and during",)
    place = places[-1]
    before, during = found.guarded_before[place], found.guarded_during[place]
    if "never" in (before.state, during.state):
        return _never_arrived(quote, f"{path}.guarded_", place, (before, during), name)
    return (
        f"{name} {within_text(found.guarded_during[place].percentile)}",
        quote.quantile(f"{path}.guarded_during.{place}"),
        " during the burst, ",
        quote.quantile(f"{path}.guarded_before.{place}"),
        " before it: ",
        *difference_sentence(quote, f"{path}.guarded_difference"),
    )


def _never_arrived(
    quote: Quote, path: str, place: int, compared: tuple[Quantile, Quantile], name: str
) -> Sentence:
    """``OTP due during the burst: 5 % or more never arrived; due before it: 95 % within 14.7 s``."""

    def sentence_of(when: str, found: Quantile) -> Sentence:
        if found.state == "never":
            return (f"{100 - found.percentile:g} % or more never arrived",)
        return (within_text(found.percentile), quote.quantile(f"{path}{when}.{place}"))

    before, during = compared
    return (
        *(f"{name} due during the burst: ", *sentence_of("during", during)),
        *("; due before it: ", *sentence_of("before", before)),
    )


def _priorities(quote: Quote) -> tuple[Sentence, ...]:
    """The delivery time of the guarded class without priorities."""
    found: list[Sentence] = []
    for place, each in enumerate(quote.report.comparisons):
        if each.kind != "priorities_vs_fifo":
            continue
        for index, one in enumerate(each.classes):
            if one.message_class == GUARDED_CLASS:
                found.append(without_priorities(quote, f"comparisons.{place}.classes.{index}", one))
    return tuple(found[:1])


def without_priorities(quote: Quote, path: str, one: ComparedClass) -> Sentence:
    name = class_text(one.message_class)
    if not one.p95_claimed or one.part_p95_s is None or one.counterpart_p95_s is None:
        return (f"Without priorities (simulated): no difference shown for {name}.",)
    return (
        f"Without priorities (simulated): {name} 95 % within ",
        quote.seconds(f"{path}.part_p95_s"),
        " instead of ",
        quote.seconds(f"{path}.counterpart_p95_s"),
        ", a difference of ",
        quote.seconds(f"{path}.p95_difference_s", subject="difference"),
        " (",
        quote.seconds(f"{path}.p95_low_s"),
        " to ",
        quote.seconds(f"{path}.p95_high_s"),
        ").",
    )


def live_against_simulated(quote: Quote) -> tuple[Sentence, ...]:
    """The delay that the real sender and its sockets add, message by message."""
    place = _busiest_comparison(quote.report)
    if place is None:
        return ()
    classes = quote.report.comparisons[place].classes
    names = [one.message_class for one in classes]
    index = names.index(GUARDED_CLASS) if GUARDED_CLASS in names else 0
    path = f"comparisons.{place}.classes.{index}"
    worst = max(range(len(classes)), key=lambda at: classes[at].p99_abs_s)
    at = place_of(quote.report, quote.report.comparisons[place].part)
    sentence: list[str | Figure] = [
        *(() if at is None else in_part(quote, at)),
        f"{class_text(names[index])}: the delivery time of a message, live and simulated, differs by ",
        quote.seconds(f"{path}.median_s"),
        " (median), and for 99 % of the messages by at most ",
        quote.seconds(f"{path}.p99_abs_s"),
    ]
    if worst != index:
        sentence += [
            f" ({class_text(names[worst])}: ",
            quote.seconds(f"comparisons.{place}.classes.{worst}.p99_abs_s"),
            ")",
        ]
    return (
        (*sentence, "."),
        *_where_it_arose(quote, path, classes[index]),
        *_where_the_tail_arose(quote, f"comparisons.{place}.classes.{worst}", classes[worst]),
    )


def _busiest_comparison(report: RunReport) -> int | None:
    """The comparison of the live part with the most messages a day. Parts without a day's level come last."""
    per_day = {part.slug: part.equivalent_per_day or 0.0 for part in report.parts}
    found = [
        (per_day.get(each.part, 0.0), -place)
        for place, each in enumerate(report.comparisons)
        if each.kind == "live_vs_simulated" and each.classes
    ]
    return -max(found)[1] if found else None


def _where_it_arose(quote: Quote, path: str, one: ComparedClass) -> tuple[Sentence, ...]:
    """The stages that make up the mean difference. Those of messages with every timestamp add up to it."""
    by_stage = _largest_stages(quote, f"{path}.by_stage_s", one.by_stage_s, _STAGE_SHARE * abs(one.mean_s))
    return (("The mean difference is ", quote.seconds(f"{path}.mean_s"), *by_stage, "."),) if by_stage else ()


def _where_the_tail_arose(quote: Quote, path: str, one: ComparedClass) -> tuple[Sentence, ...]:
    """The stages that make up the mean size of the largest differences."""
    path, tail = f"{path}.tail", one.tail
    if tail.size_s is None:
        return ()
    by_stage = _largest_stages(quote, f"{path}.by_stage_s", tail.by_stage_s, _TAIL_SHARE * tail.size_s)
    if not by_stage:
        return ()
    messages = "OTPs" if one.message_class == GUARDED_CLASS else f"{class_text(one.message_class)} messages"
    sentence: Sentence = (
        f"The 1 % of the {messages} that differ most (",
        quote.count(f"{path}.split"),
        " with every timestamp) differ by ",
        quote.seconds(f"{path}.size_s"),
        " on average",
    )
    return ((*sentence, *by_stage, "."),)


def _largest_stages(
    quote: Quote, path: str, by_stage_s: Sequence[tuple[str, float]], above_s: float
) -> Sentence:
    """Stages of more than ``above_s``, the largest first."""
    shown = [
        number
        for number, (stage, mean_s) in enumerate(by_stage_s)
        if stage in _STAGE_WORDS and abs(mean_s) > above_s
    ]
    shown.sort(key=lambda number: -by_stage_s[number][1])
    pieces: list[str | Figure] = []
    for order, number in enumerate(shown):
        pieces += [", " if order else ": ", quote.seconds(f"{path}.{number}.1")]
        pieces.append(f" {_STAGE_WORDS[by_stage_s[number][0]]}")
    return tuple(pieces)


def ask_the_provider(quote: Quote) -> tuple[Sentence, ...]:
    """The delay that the contract's limits cause, and hints from the journal."""
    found: list[Sentence] = []
    hints = _hints(quote.report)
    # Hints on the send order, the priority flag and unconfirmed reports go first.
    first = [each for name in _FIRST for each in hints if each[2] == name]
    found += [_hint(quote, place, index) for place, index, _ in first]
    found += _higher_limit(quote)
    others = [each for each in hints if each not in first][: max(_MOST_HINTS - len(first), 0)]
    return (*found, *(_hint(quote, place, index) for place, index, _ in others))


def _needless_segments(quote: Quote) -> tuple[Sentence, ...]:
    """What a character costs that makes texts longer, in the first deciding part with this hint."""
    found = [each for each in _every_hint(quote.report) if each[2] == UCS2]
    return tuple(_hint(quote, place, index) for place, index, _ in found)


def _higher_limit(quote: Quote) -> list[Sentence]:
    """For the first part and class to which a limit added a wait. A missed objective goes before an undecided
    one. If every objective is met, no higher limit is asked for.
    """
    parts = [
        (place, part)
        for place, part in deciding(quote.report)
        if trusted(part) and _contract_matters(quote.report, place)
    ]
    for verdict in ("missed", "undecided"):
        for place, part in parts:
            classes = _classes_with(part, verdict)
            for index, split in enumerate(part.delay_splits):
                if (split.message_class in classes or ALL in classes) and same_limit(part, split):
                    sentence = _contract(quote, place, index, split)
                    if sentence:
                        return [sentence]
    return []


def _classes_with(part: PartReport, verdict: str) -> set[str]:
    """The classes with this verdict on an objective that a wait for the contract's limits can cost."""
    found = {
        each.message_class
        for each in part.objectives
        if each.measure in _LIMITED_BY_CONTRACT and each.verdict == verdict
    }
    return found - {ALL} or found


def _hints(report: RunReport) -> list[tuple[int, int, str]]:
    """Those for the provider, or for a change in your sender: without that on the cost of a character."""
    return [each for each in _every_hint(report) if each[2] != UCS2]


def _every_hint(report: RunReport) -> list[tuple[int, int, str]]:
    """Part, position and name of the first hint of each name; those of parts without faults go first.

    A hint on the contract's limits is not taken from a part with faults: they change what the limits do.
    The first question has the hint on a class without a turn, and the cause of a NO may have that on the send
    order.
    """
    in_the_cause = no_priority(report)
    found: dict[str, tuple[int, int, str]] = {}
    parts = [(place, part) for place, part in deciding(report) if trusted(part)]
    for place, part in sorted(parts, key=lambda item: faulty(item[1])):
        for index, hint in enumerate(part.hints):
            if hint.name == NO_PRIORITY and in_the_cause is not None:
                continue
            if hint.name != NO_TURN and not (faulty(part) and hint.name in ON_LIMITS):
                found.setdefault(hint.name, (place, index, hint.name))
    return list(found.values())


def _hint(quote: Quote, place: int, index: int) -> Sentence:
    return (*in_part(quote, place), quote.text(f"parts.{place}.hints.{index}.text"), ".")


def _contract_matters(report: RunReport, place: int) -> bool:
    """Whether to ask for a higher limit: not if nothing limited the part, if the contract is said to be
    sufficient, if a fault window caused a part of the wait, or if a class waits longer for the sender.
    """
    enough = any(sufficient(report, at) for at, _ in deciding(report))
    part = report.parts[place]
    return limited(part) and not enough and not faulty(part) and not sender_dominates(part)


def _contract(quote: Quote, place: int, index: int, split: DelaySplit) -> Sentence:
    """For a class whose mean delivery time has a share that the contract's limits cause.

    Empty if the sender's own share is larger: such a sender does not reach the present limit, and a higher
    one does not help it.
    """
    sender_s = sum(share.mean_s for share in split.shares if share.name == "sender")
    least_s = max(CONTRACT_SHARE * split.total_mean_s, sender_s)
    for number, share in enumerate(split.shares):
        if share.name == "contract" and share.mean_s > least_s:
            path = f"parts.{place}.delay_splits.{index}"
            limit: Sentence = (" than today's ", quote.text(f"{path}.limit")) if split.limit else ()
            return (
                *in_part(quote, place),
                ASK,
                *limit,
                f". The mean delivery time of the delivered {messages_of(split.message_class)} is ",
                quote.seconds(f"{path}.total_mean_s"),
                ", of which ",
                quote.seconds(f"{path}.shares.{number}.mean_s"),
                " is the wait for the contract's limits.",
            )
    return ()
