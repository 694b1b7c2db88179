"""One message as the engine keeps it, from the first submit that names its key to its journal row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mock_provider.engine.account import MICRO
from mock_provider.engine.fate import Fate
from mock_provider.engine.lifecycle import REFUSED, Stage
from mock_provider.engine.values import ENDS_ONLY, DeliveryReport, JournalRow, MessageState, ReportsWanted

if TYPE_CHECKING:
    from mock_provider.engine.magic import Magic
    from mock_provider.engine.values import Submit


class TrackedMessage(Struct, gc=False):
    """A key that was seen; after ``Step.ACCEPT`` a message. Instants in ns, None where it did not happen.

    Untracked by the garbage collector, so nothing it refers to may refer back: the carrier goes by its name.
    """

    key: str
    protocol: str
    segments: int
    t_submitted_ns: int
    stage: Stage = REFUSED
    submits: int = 0  # of the key; counted on its newest message only
    accepts: int = 0
    throttled: int = 0  # submits of the key refused for a rate limit; counted as they are
    reason: str = ""  # of the last refusal
    provider_id: str = ""
    client_ref: str | None = None
    msisdn: str = ""
    sender_id: str = ""
    report_url: str = ""
    wanted: ReportsWanted = ENDS_ONLY
    memo: str = ""
    expires_in_queue: bool = False
    overflow_fails: bool = False
    country: str = ""
    carrier: str = ""
    price_micro: int = 0
    priority: bool = False
    queue_first: bool = False  # before others in queues
    sender_reserved: bool = False  # its segments count in its sender's queue before it is there
    not_before_ns: int = 0  # a rule of its country; 0: none
    delayed_for: str = ""  # that rule's name
    ordinal: int = 0  # which acceptance of the key this is, from 1
    chances: bytes = b""  # what ``Draws.message`` gives, at most until it ends; b"": it can be drawn again
    fate: Fate | None = None
    t_accepted_ns: int = 0
    reply_ns: int | None = None  # the answer's delay, as drawn
    radio_ns: int | None = None  # from the carrier to the handset, as drawn; without the next
    handset_wait_ns: int = 0  # for a phone that was off or out of coverage
    ucs2_for: str = ""  # the one character for which the text is in UCS-2
    expires_ns: int = 0
    t_answered_ns: int | None = None
    t_carrier_ns: int | None = None
    t_final_ns: int | None = None
    t_reported_ns: int | None = None
    t_confirmed_ns: int | None = None
    row_taken: bool = False
    report_retries: int = 0
    fault: str = ""  # names of the faults it met, with commas between them
    magic: Magic | None = None

    def wall_moved(self, by_ns: int) -> None:
        """The wall clock was set forward: the scheduled time and the expiry come sooner by this much."""
        self.expires_ns -= by_ns
        if self.not_before_ns:
            self.not_before_ns -= by_ns


def has_rare_wishes(submit: Submit) -> bool:
    """Whether it asks for what few protocols ask for."""
    return bool(
        submit.wanted is not ENDS_ONLY or submit.memo or submit.expires_in_queue or submit.overflow_fails
    )


def wish(message: TrackedMessage, submit: Submit) -> None:
    """What few protocols ask for. A message that was not accepted before has none of it."""
    message.wanted = submit.wanted
    message.memo = submit.memo
    message.expires_in_queue = submit.expires_in_queue
    message.overflow_fails = submit.overflow_fails


def journal_row(message: TrackedMessage, newest: TrackedMessage, account: str) -> JournalRow:
    """``newest`` is the key's newest message, which carries the key's counts."""
    t_taken_ns: int | None = message.t_accepted_ns
    if message.stage is REFUSED:
        state, reason, t_taken_ns = MessageState.REJECTED.value, message.reason, None
    elif message.t_final_ns is None or message.fate is None:
        state, reason = MessageState.OPEN.value, message.delayed_for
    else:
        state, reason = message.fate.state_name, message.fate.reason or message.delayed_for
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
        t_taken_ns,
        message.reply_ns,
        message.radio_ns,
        message.handset_wait_ns,
        newest.throttled,
        message.priority,
        message.ucs2_for,
    )


def delivery_report(message: TrackedMessage, mcc: str, mnc: str) -> DeliveryReport:
    """The report of a message that has ended."""
    ended = message.fate
    t_done_ns = message.t_final_ns
    if ended is None or t_done_ns is None:
        raise ValueError(f"message {message.provider_id} has not ended")
    t_sent_ns = message.t_carrier_ns
    return DeliveryReport(
        message.provider_id,
        message.client_ref,
        message.msisdn,
        message.sender_id,
        ended.state,
        ended.reason,
        t_done_ns,
        message.segments,
        message.price_micro / MICRO,
        mcc,
        mnc,
        message.t_accepted_ns if t_sent_ns is None else t_sent_ns,
        message.memo,
    )


def progress_report(message: TrackedMessage, at_ns: int, mcc: str, mnc: str) -> DeliveryReport:
    """The report of a message that has not ended; ``at_ns`` is when it came as far as it is."""
    return DeliveryReport(
        message.provider_id,
        message.client_ref,
        message.msisdn,
        message.sender_id,
        MessageState.OPEN,
        "",
        at_ns,
        message.segments,
        message.price_micro / MICRO,
        mcc,
        mnc,
        at_ns,
        message.memo,
    )
