"""The inputs and effects of the provider's engine: frozen values without behaviour.

All times are integer nanoseconds on one monotonic scale that the driver chooses (``now_ns`` of the engine's
methods). The garbage collector does not track the structs (``gc=False``): hundreds of thousands exist at
once, and none can be part of a cycle.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from mock_provider.settings.values import IdStyle, Refusal

INVALID_REQUEST = "invalid_request"  # why a message was refused whose request a protocol could not read


class MessageState(Enum):
    """State of a message at the provider; the values are those of ``provider.arrow``."""

    OPEN = "open"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"

    __hash__ = object.__hash__  # each member is one object; Enum's own hash takes six times as long


class MessageClass(Enum):
    """The class of a message. ``UNSPECIFIED``: the protocol has no such field, and the profile decides."""

    UNSPECIFIED = ""
    OTP = "otp"
    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"


class FinalReport(Enum):
    """For which final states of a message the sender wants a report."""

    ALL = "all"
    FAILURES = "failures"
    NONE = "none"


class ReportsWanted(Struct, frozen=True, gc=False):
    """Which reports the sender wants, and where.

    ``address``: a URL, or in SMPP the system_id whose sessions get the receipts. "": that of the account;
    without one no report is wanted. The protocol of the message says which of the two it is. A million
    messages share a few values.
    """

    address: str = ""
    final: FinalReport = FinalReport.ALL
    progress: bool = False  # also when it is handed to its carrier
    stages: bool = False  # also when it enters its queue, and when it is cancelled


ACCOUNT_REPORTS = ReportsWanted()
NO_REPORTS = ReportsWanted(final=FinalReport.NONE)


class SubmitOptions(Struct, frozen=True, gc=False):
    """How a submit is checked, and how its messages are handled."""

    priority: bool = False
    refuse_duplicates: bool = False  # refuse a client_ref seen within the profile's window
    validate_only: bool = False  # checked and answered, neither charged nor sent
    message_class: MessageClass = MessageClass.UNSPECIFIED
    expires_in_queue: bool = False  # ``expires_ns`` limits the wait for the carrier, not the delivery
    overflow_fails: bool = False  # if the sender's queue is full, the message fails instead of being refused
    id_style: IdStyle | None = None  # of the ids of its messages; None: that of the protocol


NO_OPTIONS = SubmitOptions()


class Outbound(Struct, frozen=True, gc=False):
    """One message of a submit. ``key`` is its journey key: from the text, otherwise the client reference."""

    msisdn: str  # E.164 digits without plus, as the protocol normalised it
    submitted_number: str  # as the client wrote it
    text: str
    segments: int
    key: str
    client_ref: str | None = None


class UnparsableNumber(Struct, frozen=True, gc=False):
    """A recipient of a request that is not an MSISDN, and the journey key of the message to it."""

    number: str
    key: str = ""


class Submit(Struct, frozen=True, gc=False):
    """One request to send, translated by a protocol. ``request_id`` is the driver's handle for the reply."""

    request_id: int
    protocol: str
    token: str
    sender_id: str
    messages: tuple[Outbound, ...]
    unparsable: tuple[UnparsableNumber, ...] = ()
    options: SubmitOptions = NO_OPTIONS
    reports: ReportsWanted = ACCOUNT_REPORTS
    scheduled_ns: int | None = None  # not before this instant
    expires_ns: int | None = None  # given up after this instant
    memo: str = ""  # data of the protocol, returned in reports and by the inbox; the engine does not read it
    backup_host: bool = False  # it was sent to the provider's backup host
    blocked: frozenset[str] = frozenset()  # MSISDNs of the request that are on the account's blacklist
    replaces: str = ""  # id of a scheduled message, removed in the step in which this one is accepted


class AcceptedMessage(Struct, frozen=True, gc=False):
    """One accepted message. ``price`` is that of all its ``segments``."""

    provider_id: str
    msisdn: str
    submitted_number: str
    client_ref: str | None
    segments: int
    price: float  # points


class Accepted(Struct, frozen=True, gc=False):
    """The messages that the provider accepted. ``invalid_numbers`` of the request were left out.

    ``left_out``: the places in the submit of the messages that were not accepted, and the reasons.
    """

    messages: tuple[AcceptedMessage, ...]
    invalid_numbers: tuple[str, ...] = ()
    left_out: tuple[tuple[int, Refusal], ...] = ()


class Refused(Struct, frozen=True, gc=False):
    """Nothing of the request was accepted."""

    reason: Refusal
    invalid_numbers: tuple[str, ...] = ()
    retry_after_s: float | None = None


Answer = Accepted | Refused


class Reply(Struct, frozen=True, gc=False):
    """Effect: answer this request now."""

    request_id: int
    answer: Answer


class Disconnect(Struct, frozen=True, gc=False):
    """Effect: reset the connection of this request, without a reply."""

    request_id: int


class DeliveryReport(Struct, frozen=True, gc=False):
    """The report of one message. ``price`` is in points, for all segments."""

    provider_id: str
    client_ref: str | None
    msisdn: str
    sender_id: str
    state: MessageState
    reason: str
    t_state_ns: int  # when the message reached ``state``, or the stage that a ``SendProgress`` reports
    segments: int
    price: float
    mcc: str
    mnc: str
    t_sent_ns: int  # when it left for the carrier; if it did not, when it was accepted
    memo: str = ""  # of the submit


class SendReports(Struct, frozen=True, gc=False):
    """Effect: give ``address`` these reports now, and pass the result to ``Engine.reports_answered``."""

    batch_id: int
    address: str
    reports: tuple[DeliveryReport, ...]
    attempt: int  # 1 for the first call
    protocol: str  # that of the messages, which also reports them


class ReportStage(Enum):
    """The stage that a ``SendProgress`` reports. The last two need ``ReportsWanted.stages``."""

    HANDED_OVER = "handed_over"
    QUEUED = "queued"
    CANCELLED = "cancelled"


class SendProgress(Struct, frozen=True, gc=False):
    """Effect: report the stage of this message to ``address``. The answer is not used.

    The report's state is OPEN. Its ``t_state_ns`` is when the message reached the stage in ``reached``.
    """

    address: str
    report: DeliveryReport
    protocol: str
    reached: ReportStage = ReportStage.HANDED_OVER


Effect = Reply | Disconnect | SendReports | SendProgress


class JournalRow(Struct, frozen=True, gc=False):
    """One row of ``provider.arrow``; the fields and their order are the file's columns.

    A row may be written again later for the same (key, provider_id): the last one counts. ``provider_id`` is
    empty for a key that was seen and never accepted.
    """

    key: str
    provider_id: str
    account: str
    protocol: str
    country: str
    carrier: str
    segments: int
    submits: int
    accepts: int
    t_submitted_ns: int | None
    t_answered_ns: int | None
    t_carrier_ns: int | None
    t_final_ns: int | None
    t_reported_ns: int | None
    t_confirmed_ns: int | None
    state: str
    reason: str
    price: float
    fault: str = ""  # names of the faults that touched the message, with commas between them
    t_accepted_ns: int | None = None  # when the submit was accepted
    reply_ns: int | None = None  # latency of the reply, as drawn
    radio_ns: int | None = None  # from the carrier to the handset, as drawn
    handset_wait_ns: int | None = 0  # for a phone that was off or out of coverage
    throttled: int = 0  # submits of the key refused for a rate limit
    priority: bool = False  # sent with the priority flag
    ucs2_for: str = ""  # the one character for which the text is in UCS-2
    t_scheduled_ns: int | None = None  # the time at which the client asked to send it; None: at once
