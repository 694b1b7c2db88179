"""Values that the engine returns to status queries."""

from __future__ import annotations

from msgspec import Struct

from mock_provider.engine.message import TrackedMessage
from mock_provider.engine.money import MICRO
from mock_provider.engine.outcome import VANISHED
from mock_provider.engine.values import MessageState


class AccountState(Struct, frozen=True):
    """``balance_points`` None: unlimited."""

    name: str
    balance_points: float | None
    price_per_segment: float


class NumberView(Struct, frozen=True):
    """Country and carrier of a number. ``exists`` False: no carrier serves it."""

    msisdn: str
    exists: bool
    country: str = ""
    carrier: str = ""
    mcc: str = ""
    mnc: str = ""
    ported: bool = False
    ported_from: str = ""  # the carrier that a ported number was assigned to first


LOST = "LOST"
"""Used in place of a stage: a fault lost the message, so it stays open."""


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
    t_final_ns: int | None
    country: str = ""
    carrier: str = ""
    fault: str = ""  # names of the faults that touched it, with commas between them
    protocol: str = ""
    memo: str = ""  # that of the submit


class JourneyView(Struct, frozen=True):
    """The journey of an accepted message so far. Times in ns of the engine's clock. None: not yet, or never.

    ``submits`` and ``accepts`` count for the message's key, which may have been submitted more than once;
    ``report_calls`` counts the attempts to report this message.
    """

    key: str
    submits: int
    accepts: int
    ordinal: int
    priority: bool
    report_address: str
    report_calls: int
    t_submitted_ns: int
    t_accepted_ns: int
    t_answered_ns: int | None
    t_carrier_ns: int | None
    t_final_ns: int | None
    t_reported_ns: int | None
    t_confirmed_ns: int | None
    expires_ns: int
    faults: str = ""  # names of the faults that touched it, with commas between them
    delayed_for: str = ""  # the rule of its country that delayed it
    not_before_ns: int = 0  # until when that rule delays it; 0: no rule does


def journey_view(message: TrackedMessage, newest: TrackedMessage) -> JourneyView:
    """``newest`` is the key's newest message, which carries the key's counts."""
    return JourneyView(
        key=message.key,
        submits=newest.submits,
        accepts=newest.accepts,
        ordinal=message.ordinal,
        priority=message.terms.options.priority,
        report_address=message.terms.reports.address,
        report_calls=(message.t_reported_ns is not None) + message.report_retries,
        t_submitted_ns=message.t_submitted_ns,
        t_accepted_ns=message.t_accepted_ns,
        t_answered_ns=message.t_answered_ns,
        t_carrier_ns=message.t_carrier_ns,
        t_final_ns=_shown_final_ns(message),
        t_reported_ns=message.t_reported_ns,
        t_confirmed_ns=message.t_confirmed_ns,
        expires_ns=message.expires_ns,
        faults=message.fault,
        delayed_for=message.delayed_for,
        not_before_ns=message.not_before_ns,
    )


def message_view(message: TrackedMessage) -> MessageView:
    """A message that a fault lost is shown as open, since a real provider would not notice the loss."""
    t_final_ns = _shown_final_ns(message)
    ended = None if t_final_ns is None else message.outcome
    stage = LOST if _is_lost(message) else message.stage.name
    return MessageView(
        provider_id=message.provider_id,
        client_ref=message.client_ref,
        msisdn=message.msisdn,
        state=MessageState.OPEN if ended is None else ended.state,
        reason="" if ended is None else ended.reason,
        stage=stage,
        segments=message.segments,
        price=message.price_micro / MICRO,
        t_accepted_ns=message.t_accepted_ns,
        t_carrier_ns=message.t_carrier_ns,
        t_final_ns=t_final_ns,
        country=message.country,
        carrier=message.carrier,
        fault=message.fault,
        protocol=message.protocol,
        memo=message.terms.memo,
    )


def _is_lost(message: TrackedMessage) -> bool:
    return message.outcome is VANISHED and message.t_final_ns is not None


def _shown_final_ns(message: TrackedMessage) -> int | None:
    """None for a message that a fault lost: a real provider would not know that it has ended."""
    return None if message.outcome is VANISHED else message.t_final_ns
