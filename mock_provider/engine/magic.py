"""Numbers that are not assigned, each with its own outcome (docs/network.md has the table).

A magic number is one of the beginnings, followed by two digits that select what happens. The beginnings are
48 100 000 0, which Poland has not assigned, and ranges that other countries reserve for films: 44 7700 900 0
(Ofcom), 1 202 555 01 (North America's 555-0100 to 555-0199) and 49 171 39200 (Bundesnetzagentur).
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from mock_provider.engine.distributions import NS_PER_S
from mock_provider.engine.outcome import DELIVERED, FinalOutcome, final_outcome
from mock_provider.engine.values import MessageState
from mock_provider.settings.values import Refusal

BEGINNINGS = ("481000000", "4477009000", "120255501", "4917139200")


ReplyOutcome = Literal["sent", "lost", "cut"]
ReportOutcome = Literal["sent", "none", "twice"]


class Magic(Struct, frozen=True, gc=False):
    """What happens to a message to this number. Without a setting, the message is treated as any other.

    ``outcome`` and ``latency_ns`` replace what the carrier draws. ``reply``: lost or its connection cut,
    although the message was accepted. ``vanishes``: accepted, then neither delivered nor reported. The other
    delays are added to what the profile draws.
    """

    name: str
    refusal: Refusal | None = None
    outcome: FinalOutcome | None = None
    latency_ns: int | None = None
    vanishes: bool = False
    reply: ReplyOutcome = "sent"
    reply_delay_ns: int = 0
    report: ReportOutcome = "sent"
    report_delay_ns: int = 0


_UNDELIVERED = MessageState.UNDELIVERED

BY_DIGITS: dict[str, Magic] = {
    "00": Magic("delivered immediately", outcome=DELIVERED, latency_ns=0),
    "01": Magic("undelivered: absent subscriber", outcome=final_outcome(_UNDELIVERED, "absent_subscriber")),
    "02": Magic("undelivered: unknown subscriber", outcome=final_outcome(_UNDELIVERED, "unknown_subscriber")),
    "03": Magic("expired", outcome=final_outcome(MessageState.EXPIRED, "handset_off")),
    "04": Magic("rejected", outcome=final_outcome(MessageState.REJECTED, "blocked_by_operator")),
    "05": Magic("unknown", outcome=final_outcome(MessageState.UNKNOWN, "no_report_from_operator")),
    "06": Magic("delivered after 60 s", outcome=DELIVERED, latency_ns=60 * NS_PER_S),
    "10": Magic("no report", outcome=DELIVERED, report="none"),
    "11": Magic("report late by 60 s", outcome=DELIVERED, report_delay_ns=60 * NS_PER_S),
    "12": Magic("report twice", outcome=DELIVERED, report="twice"),
    "20": Magic("refused: no credit", refusal=Refusal.NO_CREDIT),
    "21": Magic("refused: too many requests", refusal=Refusal.THROTTLED_REQUESTS),
    "22": Magic("refused: internal error", refusal=Refusal.INTERNAL_ERROR),
    "23": Magic("refused: recipient blocked", refusal=Refusal.RECIPIENT_BLOCKED),
    "24": Magic("refused: recipient opted out", refusal=Refusal.RECIPIENT_OPTED_OUT),
    "25": Magic("refused: too many to this number", refusal=Refusal.RECIPIENT_FLOOD),
    "26": Magic("refused: unavailable", refusal=Refusal.UNAVAILABLE),
    "27": Magic("refused: no such number", refusal=Refusal.NO_VALID_RECIPIENT),
    "28": Magic("refused: queue full", refusal=Refusal.QUEUE_FULL),
    "30": Magic("accepted, then lost", vanishes=True),
    "31": Magic("accepted, the reply is lost", reply="lost"),
    "32": Magic("accepted, the connection is cut before the reply", reply="cut"),
    "33": Magic("accepted, the reply takes 5 s longer", reply_delay_ns=5 * NS_PER_S),
}

BY_MSISDN: dict[str, Magic] = {
    beginning + digits: magic for beginning in BEGINNINGS for digits, magic in BY_DIGITS.items()
}
