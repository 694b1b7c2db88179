"""A missed objective as one plain sentence, for each measure:
``19 messages were accepted by the provider more than once; none may be.``
"""

from __future__ import annotations

from collections.abc import Callable

from analysis.classes import messages_of
from analysis.findings import MOST_REASONS
from analysis.first_screen.advice import single_messages_bind
from analysis.first_screen.cost import missed_by_duplicates
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import Sentence
from analysis.first_screen.wording import (
    NOT_ARRIVED,
    limit_without_relation,
    objective_part,
    target_name,
    windows_of,
)
from analysis.model import Objective

_OF_CONTRACT = "provider_limit"
_EXPIRED = (
    "sender",
    "expired: expired",
)  # source and reason of a message that the sender had not sent in time
_AT_LEAST = {"<": "less than ", "≤": "at most ", ">": "more than ", "≥": "at least "}


def missed_sentence(quote: Quote, place: int) -> Sentence:
    """The sentence without its full stop."""
    objective: Objective = quote.value(f"objectives.{place}")
    return _SENTENCES[objective.measure](quote, place, objective)


def _delivery_time(quote: Quote, place: int, objective: Objective) -> Sentence:
    path = f"objectives.{place}"
    who = f"the {messages_of(objective.message_class)}"
    limit: Sentence = ("; the limit is ", quote.limit(f"{path}.limit_s"))
    expired = _expired_in_sender(quote, objective)
    return (*_times(quote, path, objective, who, ("never arrive", NOT_ARRIVED)), *expired, *limit)


def _expired_in_sender(quote: Quote, objective: Objective) -> Sentence:
    """Messages that never arrive since they waited too long in the sender. The reasons have no class."""
    if objective.quantile is None or objective.quantile.state != "never":
        return ()
    at = objective_part(quote.report, objective)
    found = quote.report.parts[at].reasons[:MOST_REASONS]
    place = next((n for n, each in enumerate(found) if (each.source, each.reason) == _EXPIRED), None)
    if place is None or not found[place].accepted:
        return ()
    count, one = quote.count(f"parts.{at}.reasons.{place}.accepted"), found[place].accepted == 1
    return (" (", count, f" message{'' if one else 's'} of all classes expired in the sender)")


def _api_response(quote: Quote, place: int, objective: Objective) -> Sentence:
    path = f"objectives.{place}"
    who = f"the answers of {target_name(quote.report)}"
    return (
        *_times(quote, path, objective, who, ("never came", "had not come when the run ended")),
        "; the limit is ",
        limit_without_relation(quote, path),
    )


def _times(quote: Quote, path: str, objective: Objective, who: str, absent: tuple[str, str]) -> Sentence:
    """``95 % of the OTPs took up to 24.0 s (22.1 s to 26.0 s)``.

    ``absent``: the words for what will not come, and for what had not come.
    """
    never, not_yet = absent
    share, rest = f"{objective.percentile or 0.0:g} %", f"{100 - (objective.percentile or 0.0):g} %"
    found, limit_s = objective.quantile, objective.limit_s or objective.limit_value
    if found is None:
        return (f"{who} were not measured",)
    if found.state == "never":
        return (f"{rest} or more of {who} {never}",)
    if found.state == "withheld":
        over = quote.seconds(f"{path}.quantile.low_s", limit_s=limit_s)
        return (f"More than {rest} of {who} took over ", over)
    if found.state == "at_least":
        over = quote.seconds(f"{path}.quantile.value_s", f"delivery {path}", limit_s)
        return (f"At least {rest} of {who} took over ", over, f" or {not_yet}")
    value = quote.quantile(f"{path}.quantile", f"delivery {path}", limit_s)
    return (f"{share} of {who} took up to ", value, " ", *quote.interval(f"{path}.quantile", limit_s))


def _count_of(field: str, text: str) -> Callable[[Quote, int, Objective], Sentence]:
    def sentence(quote: Quote, place: int, objective: Objective) -> Sentence:
        at = objective_part(quote.report, objective)
        counted = quote.report.parts[at].accounting
        path, number = f"parts.{at}.accounting.{field}", getattr(counted, field)
        unknown = counted.unknown_messages if field in ("lost", "unaccounted") else 0
        if unknown or (field == "unaccounted" and counted.still_held):  # without those that may not be
            path, number = f"objectives.{place}.low", objective.low
        count, one = quote.count(path), number == 1
        lead: Sentence = ("At least ",) if unknown else ()
        return (
            *lead,
            count,
            f" message{' was' if one else 's were'} {text}",
            *_allowed(quote, place, objective),
        )

    return sentence


def _allowed(quote: Quote, place: int, objective: Objective) -> Sentence:
    if not objective.limit_value:
        return ("; none may be",)
    return ("; the limit is ", *_relation(quote, f"objectives.{place}"))


def _loss(quote: Quote, place: int, objective: Objective) -> Sentence:
    """Messages that the sender gave up after a refusal have a sentence of their own."""
    at = objective_part(quote.report, objective)
    counted, path = quote.report.parts[at].accounting, f"parts.{at}.accounting"
    if not counted.given_up:
        return _count_of("lost", "lost")(quote, place, objective)
    limited = " for a limit" if counted.given_up_for_a_limit == counted.given_up else ""
    most = " up to " if counted.unknown_messages else " "
    lost: Sentence = (most, quote.count(f"{path}.lost"), " others were lost") if counted.lost else ()
    return (
        f"{target_name(quote.report)} gave up ",
        quote.count(f"{path}.given_up"),
        f" accepted message{'' if counted.given_up == 1 else 's'} that the provider refused{limited}",
        *((";", *lost) if lost else ()),
    )


def _availability(quote: Quote, place: int, objective: Objective) -> Sentence:
    at = objective_part(quote.report, objective)
    part, path = quote.report.parts[at], f"parts.{at}.availability"
    closing: Sentence = (
        *(" (availability ", quote.text(f"objectives.{place}.measured")),
        *("; the limit is ", *_relation(quote, f"objectives.{place}"), ")"),
    )
    found = part.availability
    if found is None:
        return ("The sender was not available all the time", *closing)
    windows = windows_of(quote, path, "unavailable")
    grew = found.only_grew
    if grew and part.bottlenecks and part.bottlenecks[0].kind == _OF_CONTRACT:
        limit = quote.text(f"parts.{at}.bottlenecks.0.text")
        why = quote.text(f"{path}.why")
        above = "The load is above what the contract allows ("
        if single_messages_bind(part, part.bottlenecks[0]):
            above = f"{target_name(quote.report)} sends one message in each request, and reaches a limit ("
        return (above, limit, "): in ", *windows, " ", why, *closing)
    if grew and not found.available:
        all_of = "during the load of " if found.windows == 1 else "in all windows of "
        return (f"The backlog grew {all_of}", quote.span(f"{path}.window_s"), *closing)
    who = target_name(quote.report)
    return (f"{who} was not available in ", *windows, ": ", quote.text(f"{path}.why"), *closing)


def _share_of(text: str) -> Callable[[Quote, int, Objective], Sentence]:
    def sentence(quote: Quote, place: int, objective: Objective) -> Sentence:
        path = f"objectives.{place}"
        which = (
            f"the {messages_of(objective.message_class)} {text}" if objective.measure == "delivered" else text
        )
        return (quote.text(f"{path}.measured"), f" of {which}; the limit is ", *_relation(quote, path))

    return sentence


def _cost(quote: Quote, place: int, objective: Objective) -> Sentence:
    path, at = f"objectives.{place}", objective_part(quote.report, objective)
    part = quote.report.parts[at]
    copies: Sentence = ()
    if missed_by_duplicates(part, objective):
        count = quote.count(f"parts.{at}.accounting.duplicates")
        one = part.accounting.duplicates == 1
        copies = (", since ", count, f" message{' was' if one else 's were'} paid for more than once")
    return (
        "A thousand delivered messages cost ",
        *(quote.text(f"{path}.measured"), *copies),
        *("; the limit is ", *_relation(quote, path)),
    )


def _relation(quote: Quote, path: str) -> Sentence:
    """``more than 99 %``."""
    relation, _, _ = str(quote.value(f"{path}.limit")).partition(" ")
    return (_AT_LEAST.get(relation, ""), limit_without_relation(quote, path))


_SENTENCES: dict[str, Callable[[Quote, int, Objective], Sentence]] = {
    "delivery_time": _delivery_time,
    "api_response": _api_response,
    "loss": _loss,
    "duplicates": _count_of("duplicates", "accepted by the provider more than once"),
    "unaccounted": _count_of("unaccounted", "never seen by the provider"),
    "not_taken": _share_of("the messages were not taken by the sender"),
    "delivered": _share_of("were delivered"),
    "availability": _availability,
    "cost_per_1000": _cost,
}
