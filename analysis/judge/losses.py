"""Lost messages: the number for the objective ``loss``, with what is not known about it.

Lost are messages that neither provider nor sender knows, or that only the sender says it sent, and messages
that the sender gave up after a temporary refusal (``measure.outcomes``). Four kinds may or may not be lost:
without sender rows, a message that never reached the provider may be held; a message whose key was lost may
have arrived; each message with an unknown key may be one that seems to be lost; and a refused message may
still be repeated if the run did not wait ``REPEATED_WITHIN_S``, or if the sender was submitting until the
end.
"""

from __future__ import annotations

from dataclasses import dataclass

from analysis.formatting import count_text, counted_text
from analysis.measure.unforwarded import never_reached, under_keys
from analysis.model import Accounting

# Columns of messages.csv that select the messages behind a count.
LIST_KEYS = "smsbench report RUN_DIR --export csv lists them (final_state, accepts, unaccounted, given_up)"
PASS_THE_KEY = "a sender that passes the key of each message on"
SENDER_ROWS = "the log of your sender, or the objective unaccounted=0"
WAIT_FOR_THEM = "a wait after the load until they arrive (--drain-timeout)"
FORWARDS = "a sender that does not stop forwarding messages"
REPEATS = "a sender that submits a message again that the provider refused for the time being"
LONGER_WAIT = "a wait after the load until they are repeated (--drain-timeout)"


@dataclass(frozen=True)
class Losses:
    """``low`` and ``high`` are equal if every message is known."""

    low: int
    high: int
    why: str
    needs: str = ""


def losses(accounting: Accounting, sender_rows: bool, waited_out: bool, repeats_awaited: bool) -> Losses:
    """``waited_out``: the wait after the load lasted until its limit.

    ``repeats_awaited``: the run waited for a repeat of every refused message.
    """
    given_up = accounting.given_up
    unseen = accounting.without_key or (0 if sender_rows else accounting.unknown_to_both)
    low = max(0, accounting.lost - accounting.unknown_messages) + given_up
    reasons, needs = [], ""
    if given_up:
        reasons.append(_refused(accounting))
    if accounting.to_repeat:
        reasons.append(to_repeat(accounting, repeats_awaited))
        needs = LONGER_WAIT
    if accounting.without_key:
        reasons.append(keyless(accounting))
        needs = needs or PASS_THE_KEY
    elif unseen:
        why, decides = _unseen(accounting, unseen, waited_out)
        reasons.append(why)
        needs = needs or decides
    elif accounting.lost and accounting.unknown_messages:
        why = f"the provider has no row of {counted_text(accounting.lost)}{under_keys(accounting.lost)}"
        reasons.append(f"{why}; {may_be_unknown(accounting.unknown_messages)}")
        needs = needs or PASS_THE_KEY
    if not reasons:
        reasons = [
            f"of {count_text(accounting.accepted)} accepted; a message is lost if the provider has no row of "
            "it, and the sender has no row either, or a row that says sent"
        ]
    return Losses(low, accounting.lost + given_up + accounting.to_repeat + unseen, "; ".join(reasons), needs)


def _unseen(accounting: Accounting, unseen: int, waited_out: bool) -> tuple[str, str]:
    """Why it is not known whether they are lost, and what would decide it."""
    if accounting.unaccounted and not waited_out:
        return ended_early(counted_text(unseen)), WAIT_FOR_THEM
    held, left_out = accounting.still_held, unseen - accounting.still_held
    if held and not left_out:
        return still_held(accounting), WAIT_FOR_THEM
    why = f"{never_reached(left_out, accounting.unknown_messages)}, and there are no sender rows that say why"
    unknown = f"; {may_be_unknown(accounting.unknown_messages)}" if accounting.unknown_messages else ""
    return f"{why}{unknown}; {still_held(accounting)}" if held else f"{why}{unknown}", SENDER_ROWS


def ended_early(messages: str) -> str:
    return f"the wait for {messages} ended early, and the sender may still have them"


def still_held(accounting: Accounting) -> str:
    held = accounting.still_held
    were = "was" if held == 1 else "were"
    return (
        f"{counted_text(held)} {were} still in the sender when the wait ended: it was submitting until then"
    )


def to_repeat(accounting: Accounting, repeats_awaited: bool) -> str:
    left = accounting.to_repeat
    why = "it was submitting until then" if repeats_awaited else "the wait was too short for a repeat"
    return (
        f"the provider refused {counted_text(left)} for the time being, and the sender had not submitted "
        f"{'it' if left == 1 else 'them'} again when the wait ended: {why}"
    )


def keyless(accounting: Accounting) -> str:
    return f"{counted_text(accounting.without_key)} reached the provider without their key"


def least_unaccounted(accounting: Accounting) -> int:
    """Without the messages that may be in the sender, or may have come with unknown keys."""
    return max(0, accounting.unaccounted - accounting.still_held - accounting.unknown_messages)


def may_be_unknown(unknown: int) -> str:
    """Messages with unknown keys explain only a part of those that the provider has not seen."""
    came, may = (
        ("came with a key", "it may be one") if unknown == 1 else ("came with keys", "they may be some")
    )
    return f"{counted_text(unknown)} {came} that the load did not send: {may} of these"


def _refused(accounting: Accounting) -> str:
    text = f"the provider refused {counted_text(accounting.given_up)}{for_what(accounting)}"
    return f"{text}, and the sender gave {'it' if accounting.given_up == 1 else 'them'} up"


def for_what(accounting: Accounting) -> str:
    """`` for a limit``, if that holds for every message that was given up."""
    return " for a limit" if accounting.given_up_for_a_limit == accounting.given_up else ""
