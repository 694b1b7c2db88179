"""One message as the engine keeps it, from the first submit of its key to its journal row."""

from __future__ import annotations

from msgspec import Struct

from mock_provider.engine.lifecycle import REFUSED, Stage
from mock_provider.engine.magic import Magic
from mock_provider.engine.money import MICRO
from mock_provider.engine.outcome import FinalOutcome
from mock_provider.engine.values import (
    NO_OPTIONS,
    NO_REPORTS,
    DeliveryReport,
    JournalRow,
    MessageState,
    ReportsWanted,
    SubmitOptions,
)


class SubmitTerms(Struct, frozen=True, gc=False, array_like=True):
    """What a submit asks for its messages. All of them share one object."""

    sender_id: str = ""
    options: SubmitOptions = NO_OPTIONS
    reports: ReportsWanted = NO_REPORTS  # with the account's URL in place of ""
    memo: str = ""
    queue_first: bool = False  # its messages go before others in queues


NO_TERMS = SubmitTerms()

# ``value`` of a member is a property in Python, which takes a third of the time of a journal row.
_REJECTED, _OPEN = MessageState.REJECTED.value, MessageState.OPEN.value


class TrackedMessage(Struct, gc=False, array_like=True):
    """A key that was submitted; after ``Step.ACCEPT`` a message. Times in ns, None: it did not happen.

    The garbage collector does not track it, so nothing that it references may reference it: it holds the name
    of its carrier. ``array_like``: the state file has its fields by their places.
    """

    key: str
    protocol: str
    segments: int
    t_submitted_ns: int
    stage: Stage = REFUSED
    submits: int = 0  # of the key; counted on the newest message of the key only
    accepts: int = 0
    throttled: int = 0  # submits of the key refused for a rate limit; counted in the same way
    reason: str = ""  # of the last refusal
    provider_id: str = ""
    client_ref: str | None = None
    msisdn: str = ""
    terms: SubmitTerms = NO_TERMS
    country: str = ""
    carrier: str = ""
    price_micro: int = 0
    sender_reserved: bool = False  # its segments are reserved in its sender's queue
    not_before_ns: int = 0  # by a rule of its country; 0: no rule
    delayed_for: str = ""  # that rule's name
    ordinal: int = 0  # number of this acceptance of the key, from 1
    chances: bytes = b""  # cached ``Draws.message``, at most until it ends; b"": not cached
    outcome: FinalOutcome | None = None
    t_accepted_ns: int = 0
    reply_ns: int | None = None  # the answer's delay, as drawn
    radio_ns: int | None = None  # from the carrier to the handset, as drawn; without the next
    handset_wait_ns: int = 0  # for a phone that was off or out of coverage
    ucs2_for: str = ""  # the one character for which the text is in UCS-2
    expires_ns: int = 0
    due_ns: int = 0  # not to enter its queue, end or be reported before; 0: at once
    t_answered_ns: int | None = None
    t_carrier_ns: int | None = None
    t_final_ns: int | None = None
    t_reported_ns: int | None = None
    t_confirmed_ns: int | None = None
    row_taken: bool = False
    report_retries: int = 0
    fault: str = ""  # names of the faults that touched it, with commas between them
    magic: Magic | None = None
    scheduled_ns: int | None = None  # the client asked to send it then, later than it was accepted

    def wall_moved(self, by_ns: int) -> None:
        """The wall clock was set forward by ``by_ns``: scheduled time and expiry come earlier."""
        self.expires_ns -= by_ns
        if self.not_before_ns:
            self.not_before_ns -= by_ns
        if self.scheduled_ns is not None:
            self.scheduled_ns -= by_ns


def journal_row(message: TrackedMessage, newest: TrackedMessage, account: str) -> JournalRow:
    """``newest`` is the key's newest message, which carries the key's counts."""
    t_accepted_ns: int | None = message.t_accepted_ns
    if message.stage is REFUSED:
        state, reason, t_accepted_ns = _REJECTED, message.reason, None
    elif message.t_final_ns is None or message.outcome is None:
        state, reason = _OPEN, message.delayed_for
    else:
        state, reason = message.outcome.state_name, message.outcome.reason or message.delayed_for
    # By position: keywords of 27 fields take 1.4 us, the row itself 0.4 us. A contract test has the order.
    return JournalRow(
        message.key,
        message.provider_id,
        account,
        message.protocol,
        message.country,
        message.carrier,
        message.segments,
        newest.submits,
        newest.accepts,
        message.t_submitted_ns,
        message.t_answered_ns,
        message.t_carrier_ns,
        message.t_final_ns,
        message.t_reported_ns,
        message.t_confirmed_ns,
        state,
        reason,
        message.price_micro / MICRO,
        message.fault,
        t_accepted_ns,
        message.reply_ns,
        message.radio_ns,
        message.handset_wait_ns,
        newest.throttled,
        message.terms.options.priority,
        message.ucs2_for,
        message.scheduled_ns,
    )


def delivery_report(message: TrackedMessage, mcc: str, mnc: str) -> DeliveryReport:
    """The report of a message that has ended."""
    ended, t_final_ns, t_carrier_ns = message.outcome, message.t_final_ns, message.t_carrier_ns
    if ended is None or t_final_ns is None:
        raise ValueError(f"message {message.provider_id} has not ended")
    terms = message.terms
    # By position, as in ``journal_row``.
    return DeliveryReport(
        message.provider_id,
        message.client_ref,
        message.msisdn,
        terms.sender_id,
        ended.state,
        ended.reason,
        t_final_ns,
        message.segments,
        message.price_micro / MICRO,
        mcc,
        mnc,
        message.t_accepted_ns if t_carrier_ns is None else t_carrier_ns,
        terms.memo,
    )


def progress_report(message: TrackedMessage, at_ns: int, mcc: str, mnc: str) -> DeliveryReport:
    """The report of a message that has not ended. ``at_ns`` is when it reached its stage."""
    return DeliveryReport(
        provider_id=message.provider_id,
        client_ref=message.client_ref,
        msisdn=message.msisdn,
        sender_id=message.terms.sender_id,
        state=MessageState.OPEN,
        reason="",
        t_state_ns=at_ns,
        segments=message.segments,
        price=message.price_micro / MICRO,
        mcc=mcc,
        mnc=mnc,
        t_sent_ns=at_ns,
        memo=message.terms.memo,
    )
