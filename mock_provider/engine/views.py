"""What the engine shows of itself: values for a driver's status queries."""

from __future__ import annotations

from msgspec import Struct

from mock_provider.engine.account import MICRO
from mock_provider.engine.fate import VANISHED
from mock_provider.engine.message import TrackedMessage
from mock_provider.engine.values import MessageState


class AccountState(Struct, frozen=True):
    """``balance_points`` None: unlimited."""

    name: str
    balance_points: float | None
    price_per_segment: float


class NumberView(Struct, frozen=True):
    """What the network knows of a number. ``exists`` False: no carrier serves it."""

    msisdn: str
    exists: bool
    country: str = ""
    carrier: str = ""
    mcc: str = ""
    mnc: str = ""
    ported: bool = False
    ported_from: str = ""  # the carrier it was given to first, where it is ported


LOST = "LOST"
"""In place of a stage: a fault lost the message, so it stays open forever."""


class MessageView(Struct, frozen=True):
    """One accepted message. ``stage`` is its ``lifecycle.Stage`` or ``LOST``; ``price`` in points."""

    provider_id: str
    client_ref: str | None
    msisdn: str
    state: MessageState
    reason: str
    stage: str
    segments: int
    price: float
    t_accepted_ns: int
    t_carrier_ns: int | None
    t_done_ns: int | None
    country: str = ""
    carrier: str = ""
    fault: str = ""  # names of the faults it met, with commas between them
    protocol: str = ""
    memo: str = ""  # that of the submit


class JourneyView(Struct, frozen=True):
    """One accepted message's way so far. Instants in ns of the engine's clock, None: not yet, or never.

    ``submits`` and ``accepts`` are of the message's key, which may have been sent more than once;
    ``report_calls`` counts the attempts to report this message.
    """

    key: str
    submits: int
    accepts: int
    ordinal: int
    priority: bool
    report_url: str
    report_calls: int
    t_submitted_ns: int
    t_accepted_ns: int
    t_answered_ns: int | None
    t_carrier_ns: int | None
    t_done_ns: int | None
    t_reported_ns: int | None
    t_confirmed_ns: int | None
    expires_ns: int
    faults: str = ""  # names of those it met, with commas between them
    delayed_for: str = ""  # the rule of its country that held it back
    not_before_ns: int = 0  # when that rule lets it go; 0: no rule holds it


def journey_view(message: TrackedMessage, newest: TrackedMessage) -> JourneyView:
    """``newest`` is the key's newest message, which carries the key's counts."""
    return JourneyView(
        message.key,
        newest.submits,
        newest.accepts,
        message.ordinal,
        message.priority,
        message.report_url,
        (message.t_reported_ns is not None) + message.report_retries,
        message.t_submitted_ns,
        message.t_accepted_ns,
        message.t_answered_ns,
        message.t_carrier_ns,
        _done_ns(message),
        message.t_reported_ns,
        message.t_confirmed_ns,
        message.expires_ns,
        message.fault,
        message.delayed_for,
        message.not_before_ns,
    )


def message_view(message: TrackedMessage) -> MessageView:
    """A message that a fault lost is open for ever: its provider knows no better."""
    t_done_ns = _done_ns(message)
    ended = None if t_done_ns is None else message.fate
    stage = LOST if _is_lost(message) else message.stage.name
    return MessageView(
        message.provider_id,
        message.client_ref,
        message.msisdn,
        MessageState.OPEN if ended is None else ended.state,
        "" if ended is None else ended.reason,
        stage,
        message.segments,
        message.price_micro / MICRO,
        message.t_accepted_ns,
        message.t_carrier_ns,
        t_done_ns,
        message.country,
        message.carrier,
        message.fault,
        message.protocol,
        message.memo,
    )


def _is_lost(message: TrackedMessage) -> bool:
    return message.fate is VANISHED and message.t_final_ns is not None


def _done_ns(message: TrackedMessage) -> int | None:
    return None if message.fate is VANISHED else message.t_final_ns
