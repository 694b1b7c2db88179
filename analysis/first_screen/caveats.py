"""Checks that warn, as a buyer reads them: what was checked, what came out, what it means for the answer."""

from __future__ import annotations

from typing import NamedTuple

from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import Figure, Sentence
from analysis.first_screen.wording import in_brackets, part_title, place_of
from analysis.judge.check_names import END_OF_RUN, INDEPENDENCE, INSTRUMENT, SCHEDULE_LAG
from analysis.judge.verdict import overall
from analysis.model import RunReport

WARNS = ("warn", "invalid")
_MOST = 3
_NUMBERS = dict(enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), start=1))


class PlainCheck(NamedTuple):
    """``checked``: what a check looks at or has found. ``meaning``: what its warning means for the answer."""

    checked: str
    meaning: str


_WITHOUT_IT = "The delivery times include this delay, and would be shorter without it"
# In the order in which the page shows them, as it has room for a few: those that can change a count or a
# verdict go before those that say how exact the figures are.
PLAIN_CHECKS = {
    INSTRUMENT: PlainCheck(
        "the bench failed", "Messages can be slow or missing although the sender works correctly"
    ),
    END_OF_RUN: PlainCheck(
        "how the run ended", "A message without a final state counts with its age at the end"
    ),
    "accounting": PlainCheck("messages are not counted exactly once", "The counts can be wrong"),
    "unknown messages": PlainCheck(
        "messages at the provider that this load did not send, or whose key was lost",
        "They are in no delivery time, and they used a part of the provider's limits",
    ),
    "files": PlainCheck("files of the run", "What a missing file would show is not known"),
    "closed connections": PlainCheck(
        "connections that the sender closed",
        "A message that was sent again may have been accepted twice by a sender that ignores keys",
    ),
    "dropped arrivals": PlainCheck("messages that the bench did not send", "The load was lower than planned"),
    "offered rate": PlainCheck(
        "the load differed from the plan", "The rates are not those that were asked for"
    ),
    "earlier load": PlainCheck(
        "messages of an earlier load", "They used the same sender and provider, and may have slowed this load"
    ),
    "sample size": PlainCheck(
        "number of messages",
        "An objective with too few messages can be missed, but it cannot be met",
    ),
    "timestamp order": PlainCheck(
        "timestamps that contradict each other", "The delays of these messages are not exact"
    ),
    SCHEDULE_LAG: PlainCheck("the bench sent late", _WITHOUT_IT),
    "provider's event loop": PlainCheck("the mock provider was late", _WITHOUT_IT),
    "generator CPU": PlainCheck(
        "processor use of the load generator", "The bench may limit the rates, and not the sender"
    ),
    "machine CPU": PlainCheck(
        "processor use of the whole machine",
        "The sender shared it, so it may be faster on a machine of its own",
    ),
    "Nagle delay (40 ms)": PlainCheck(
        "answers delayed by the network stack",
        "The sender can answer faster with another setting of its sockets",
    ),
    INDEPENDENCE: PlainCheck(
        "messages that were slow together, as in one queue",
        "So the intervals are wider, and the verdicts include that",
    ),
}
_ORDER = {name: place for place, name in enumerate(PLAIN_CHECKS)}


def checked(name: str) -> str:
    """What the check with this name looks at or has found; the name if it has no plain words."""
    found = PLAIN_CHECKS.get(name)
    return found.checked if found else name


def caveats(quote: Quote) -> Sentence:
    """The first warning of each check, in the order of ``PLAIN_CHECKS``, and how many other checks warn;
    empty without any.
    """
    by_name = _warnings(quote.report)
    names = sorted(by_name, key=lambda name: _ORDER.get(name, len(_ORDER)))
    sentence: list[str | Figure] = []
    for name in names[:_MOST]:
        place, lead = by_name[name], checked(name)
        sentence.append(f" {lead[:1].upper()}{lead[1:]}: ")
        sentence += in_brackets(quote.text(f"checks.{place}.value"), _where(quote, place))
        sentence.append(f". {PLAIN_CHECKS[name].meaning}." if name in PLAIN_CHECKS else ".")
    more = len(names) - _MOST
    if more > 0:
        count = _NUMBERS.get(more, "Several").capitalize()
        sentence.append(f" {count} more check{' warns' if more == 1 else 's warn'}: see the table Validity.")
    lead = "Valid, with a warning." if len(names) == 1 else "Valid, with warnings."
    return (lead, *sentence) if sentence else ()


def _warnings(report: RunReport) -> dict[str, int]:
    """The position of the first warning of each check.

    Each verdict includes the wider intervals of dependent messages, so that a decided one needs no warning of
    them. The table *Validity* has it.
    """
    decided = overall(report.objectives) != "undecided"
    found: dict[str, int] = {}
    for place, each in enumerate(report.checks):
        if each.state in WARNS and not (decided and each.name == INDEPENDENCE):
            found.setdefault(each.name, place)
    return found


def _where(quote: Quote, check: int) -> Sentence:
    """The part of a check, if there are several parts, and in how many others the check warns."""
    report = quote.report
    at = place_of(report, report.checks[check].part)
    if at is None or len(report.parts) == 1:
        return ()
    name = report.checks[check].name
    warned = {each.part for each in report.checks if each.name == name and each.state in WARNS}
    others = len(warned) - 1
    also = f"; also in {_NUMBERS.get(others, 'several')} other part{'' if others == 1 else 's'}"
    return ("part: ", part_title(quote, at), also if others else "")
