"""Duplicates: how many copies, when the sender repeated the messages, and what to change."""

from __future__ import annotations

from analysis.findings import RepeatTimes
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import Sentence
from analysis.first_screen.wording import target_name

# No client of an API over a network gives up an answer sooner: copies that come sooner are of two workers.
_SHORTEST_TIMEOUT_S = 0.05
_REFUSED_BY_PROVIDER = "Let the provider refuse duplicates, if its API has an option for it."
_LIST = " smsbench report DIR --export csv lists the messages (column accepts)."


def submitted_again(quote: Quote, at: int) -> Sentence:
    """``Cause: my-sender submitted 19 messages more than once, and the provider accepted each copy``."""
    count = quote.count(f"parts.{at}.accounting.duplicates")
    one = count.text == "1"
    return (
        *(f"Cause: {target_name(quote.report)} submitted ", count),
        f" message{'' if one else 's'} more than once, and the provider accepted each copy",
    )


def when_repeated(quote: Quote, at: int) -> Sentence:
    """``(726 copies; 720 of them before the earlier submit had its answer)``."""
    part, path = quote.report.parts[at], f"parts.{at}"
    found: list[Sentence] = []
    if part.accounting.copies > part.accounting.duplicates:
        found.append((quote.count(f"{path}.accounting.copies"), " copies"))
    times = part.repeat_times
    if times is not None and times.late:
        late = quote.count(f"{path}.repeat_times.late")
        found.append((late, " of the copies came before the answer to the earlier submit"))
    if times is not None and times.unanswered:
        lost = quote.count(f"{path}.repeat_times.unanswered")
        found.append((lost, " of the copies came after a submit that had no answer"))
    pieces: Sentence = ()
    for place, each in enumerate(found):
        pieces = (*pieces, "; " if place else " (", *each)
    return (*pieces, ")") if pieces else ()


def no_copies(quote: Quote, at: int) -> Sentence:
    """What to change so that there are no copies, by when most of them came: before the answer to the
    previous submit (too soon for any timeout, or after one), without an answer, or after it.
    """
    times, path = quote.report.parts[at].repeat_times, f"parts.{at}.repeat_times"
    if times is not None and times.after_s is not None and _is_majority(times.late, times):
        if times.after_s < _SHORTEST_TIMEOUT_S:
            return (
                "What to do: look in the sender for two workers or processes that take the same message. The "
                "copies came ",
                quote.seconds(f"{path}.after_s"),
                " (median) after the previous submit, too soon for a repeat after a timeout. A worker must "
                f"claim a message before it submits it. {_REFUSED_BY_PROVIDER}{_LIST}",
            )
        return (
            "What to do: the sender's timeout for an answer of the provider is too short: it repeated "
            "messages when the answer took over ",
            quote.seconds(f"{path}.after_s"),
            " (median), and these answers took up to ",
            quote.seconds(f"{path}.longest_s"),
            f". {_REFUSED_BY_PROVIDER}{_LIST}",
        )
    look_for = "that was successful or lost"
    if times is not None and _is_majority(times.unanswered, times):
        look_for = "that was lost"
    elif times is not None and _is_majority(times.known - times.late - times.unanswered, times):
        look_for = "that was successful"
    advice = f"look in the sender for a repeat after an answer {look_for}. {_REFUSED_BY_PROVIDER}"
    return (f"What to do: {advice}{_LIST}",)


def _is_majority(count: int, times: RepeatTimes) -> bool:
    return 2 * count > times.known
