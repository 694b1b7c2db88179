"""How fast do messages arrive: each class with its limit, the shares of the delay, phones that were off."""

from __future__ import annotations

import math

from analysis.classes import class_text, in_class_order, messages_of
from analysis.findings import BY_ORDER, DelaySplit, Handsets, lacks_flag
from analysis.first_screen.advice import faulty
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import Figure, ScreenAnswer, Sentence
from analysis.first_screen.wording import (
    deciding,
    is_delivery_time,
    measured_text,
    objective_part,
    objective_row,
    part_title,
    undecided_sentence,
    within_text,
    worst_first,
)
from analysis.judge.verdict import overall
from analysis.model import AnswerState, Objective, RunReport
from analysis.quantile import Quantile

_SHARE_WORDS = {
    "sender": "in this run without the sender's share of the delay",
    "contract": "in this run without the contract's share of the delay",
}
_OF_THE_ORDER = "in this run without the waits for the contract's limits, which the send order caused"
_STATES: dict[str, AnswerState] = {"met": "good", "missed": "bad", "undecided": "unknown"}


def delivery_answer(quote: Quote) -> ScreenAnswer:
    """Each class and its limit, in the part with its worst result.

    Of parts with the same verdict, those without injected faults go first.
    """
    report = quote.report
    timed = [
        (place, each)
        for place, each in enumerate(report.objectives)
        if is_delivery_time(each) and (each.quantile is None or each.message_class in _classes(report))
    ]
    chosen: dict[tuple[str, float], int] = {}
    for place, each in sorted(timed, key=lambda item: _first_shown(report, item[1])):
        chosen.setdefault((each.message_class, each.percentile or 0.0), place)
    order = in_class_order({name for name, _ in chosen})
    places = sorted(chosen.values(), key=lambda place: order.index(report.objectives[place].message_class))
    rows = tuple(
        objective_row(quote, f"objectives.{place}", class_text(report.objectives[place].message_class))
        for place in places
    )
    state = _STATES[overall(tuple(report.objectives[place] for place in places))] if places else "unknown"
    if report.validity == "invalid":
        state = "untrusted"
    measured = [place for place in places if report.objectives[place].quantile is not None]
    sentences = _shares(quote, measured[0]) if measured else ()
    return ScreenAnswer(
        name="delivery",
        question="How fast do messages arrive?",
        about="phones that can be reached" if _handsets_known(report) else "",
        rows=rows,
        sentences=(
            *_parts(quote, places),
            *_with_faults(quote, timed, places),
            *_open_questions(quote, places),
            *sentences,
            *_unreachable(quote, measured),
        )
        if rows
        else (("No delivery objective was judged.",),),
        state=state,
    )


def _first_shown(report: RunReport, objective: Objective) -> tuple[int, bool, float, float]:
    rank, highest, lowest = worst_first(objective)
    return rank, faulty(report.parts[objective_part(report, objective)]), highest, lowest


def _parts(quote: Quote, places: list[int]) -> tuple[Sentence, ...]:
    """The part of each row, if there are several parts."""
    report = quote.report
    if len(report.parts) == 1:
        return ()
    sentence: list[str | Figure] = ["Part of each row: "]
    for order, place in enumerate(places):
        objective = report.objectives[place]
        sentence += ["; " if order else "", f"{class_text(objective.message_class)}: "]
        sentence.append(part_title(quote, objective_part(report, objective)))
    return ((*sentence, "."),)


def _with_faults(quote: Quote, timed: list[tuple[int, Objective]], places: list[int]) -> tuple[Sentence, ...]:
    """The highest figure with injected faults of each row, if it is higher than that of the row."""
    report = quote.report
    sentence: list[str | Figure] = []
    for place in places:
        row = report.objectives[place]
        worse = [
            (worst_first(each)[1:], other)
            for other, each in timed
            if (each.message_class, each.percentile) == (row.message_class, row.percentile)
            and each.decides
            and faulty(report.parts[objective_part(report, each)])
            and worst_first(each)[1] < worst_first(row)[1]
        ]
        if not worse or faulty(report.parts[objective_part(report, row)]):
            continue
        at = min(worse)[1]
        sentence += ["; " if sentence else "With injected faults: ", f"{class_text(row.message_class)}: "]
        sentence += measured_text(quote, f"objectives.{at}", report.objectives[at])
        sentence += [" (part: ", part_title(quote, objective_part(report, report.objectives[at])), ")"]
    return ((*sentence, "."),) if sentence else ()


def _open_questions(quote: Quote, places: list[int]) -> tuple[Sentence, ...]:
    """What would decide the undecided objectives."""
    found: list[Sentence] = []
    for place in places:
        objective: Objective = quote.value(f"objectives.{place}")
        if objective.verdict == "undecided":
            found.append((f"{class_text(objective.message_class)}: ", *undecided_sentence(quote, place), "."))
    return tuple(found)


def _classes(report: RunReport) -> set[str]:
    return {each.message_class for part in report.parts for each in part.delivery}


def _handsets_known(report: RunReport) -> bool:
    return any(part.handsets for _, part in deciding(report))


def _shares(quote: Quote, place: int) -> tuple[Sentence, ...]:
    """The first row with an ideal sender, without the sender's share, and without the contract's share."""
    objective: Objective = quote.value(f"objectives.{place}")
    at = objective_part(quote.report, objective)
    splits = quote.report.parts[at].delay_splits
    index = next((i for i, each in enumerate(splits) if each.message_class == objective.message_class), None)
    if index is None or objective.percentile is None:
        return ()
    path, name = f"parts.{at}.delay_splits.{index}", class_text(objective.message_class)
    total = _nth(splits[index].total, objective.percentile)
    ideal = _nth(splits[index].network_only, objective.percentile)
    if total is None or ideal is None:
        return ()
    shown = quote.quantile(f"{path}.total.{total}", limit_s=objective.limit_s).text
    arrived = _of_those_that_arrived(quote, path, splits[index], objective)
    sentence: list[str | Figure] = [
        *arrived,
        f"{name} {_ideal_text(splits[index], faulty(quote.report.parts[at]))}: "
        f"{within_text(objective.percentile)}",
        quote.quantile(f"{path}.network_only.{ideal}", limit_s=objective.limit_s),
    ]
    without: list[Sentence] = []
    for number, share in enumerate(splits[index].shares):
        nth = _nth(share.without, objective.percentile)
        if nth is None or share.name not in _SHARE_WORDS:
            continue
        figure = quote.quantile(f"{path}.shares.{number}.without.{nth}", limit_s=objective.limit_s)
        if figure.text != shown:
            without.append(
                (
                    *arrived,
                    f"{name} {_without_text(share.name, objective)}: ",
                    within_text(objective.percentile),
                    figure,
                    ".",
                )
            )
    if not without:
        sentence += _added(quote, path, splits[index])
    return ((*sentence, "."), *without)


def _without_text(share: str, objective: Objective) -> str:
    """If the cause of a miss is the send order, the contract's share is named by it: an ideal sender waits
    for the same limits with other messages.
    """
    by_order = objective.reach_kind in BY_ORDER
    return _OF_THE_ORDER if share == "contract" and by_order else _SHARE_WORDS[share]


def _of_those_that_arrived(quote: Quote, path: str, split: DelaySplit, objective: Objective) -> Sentence:
    """The split's messages, if the row above counts others too: those without a delivery."""
    part = quote.report.parts[objective_part(quote.report, objective)]
    counted = next(
        (each.count for each in part.delivery if each.message_class == objective.message_class), split.count
    )
    return ("Of the ", quote.count(f"{path}.count"), " that arrived: ") if split.count < counted else ()


def _added(quote: Quote, path: str, split: DelaySplit) -> Sentence:
    """The mean shares of sender and contract, where the rounded percentiles do not show them."""
    places = {share.name: place for place, share in enumerate(split.shares) if math.isfinite(share.mean_s)}
    if not {"sender", "contract"} <= places.keys():
        return ()
    return (
        "; on average the sender adds ",
        quote.seconds(f"{path}.shares.{places['sender']}.mean_s"),
        " and the contract's limits ",
        quote.seconds(f"{path}.shares.{places['contract']}.mean_s"),
    )


def _ideal_text(split: DelaySplit, faults: bool) -> str:
    """Without the priority flag of an ideal sender, its network time is not known. The network time of a run
    with faults includes what they added.
    """
    ideal = "from an ideal sender without contract limits" + (", with the injected faults" if faults else "")
    return f"without the provider's priority flag, {ideal}" if lacks_flag(split) else ideal


def _nth(quantiles: tuple[Quantile, ...], percentile: float) -> int | None:
    """The position of a percentile with a known value."""
    return next(
        (
            place
            for place, each in enumerate(quantiles)
            if each.percentile == percentile and each.value_s is not None and math.isfinite(each.value_s)
        ),
        None,
    )


def _unreachable(quote: Quote, places: list[int]) -> tuple[Sentence, ...]:
    """Phones that were off, in the part of the first row."""
    if not places:
        return ()
    objective: Objective = quote.value(f"objectives.{places[0]}")
    at = objective_part(quote.report, objective)
    for index, each in enumerate(quote.report.parts[at].handsets):
        if each.message_class == objective.message_class and each.unreachable:
            path = f"parts.{at}.handsets.{index}"
            waiting: Sentence = ()
            if each.still_waiting:
                waiting = (", ", quote.count(f"{path}.still_waiting"), " still waiting at the end")
            return (
                (
                    quote.count(f"{path}.unreachable"),
                    " of ",
                    quote.count(f"{path}.accepted"),
                    f" accepted {messages_of(each.message_class)} were for phones that were off: ",
                    quote.count(f"{path}.came_later"),
                    " arrived later, ",
                    quote.count(f"{path}.given_up_by_network"),
                    " given up by the network",
                    *waiting,
                    ".",
                    *_judged(quote, at, each),
                ),
            )
    return ()


def _judged(quote: Quote, at: int, found: Handsets) -> Sentence:
    """How many messages the delivery time of this class is computed from, and where the others are."""
    for index, each in enumerate(quote.report.parts[at].delivery):
        if each.message_class == found.message_class and each.count:
            lead = " The delivery time is that of "
            failed = found.accepted - found.unreachable > each.count
            closing = " messages to other phones" + (
                "; the rest failed in the network, at the phone or for their content." if failed else "."
            )
            return (lead, quote.count(f"parts.{at}.delivery.{index}.count"), closing)
    return ()
