"""What the engine shows of itself: values for a driver's status queries."""

from __future__ import annotations

from msgspec import Struct

from mock_provider.engine.account import MICRO
from mock_provider.engine.message import Message
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


class MessageView(Struct, frozen=True):
    """One accepted message. ``stage`` is the name of its ``lifecycle.Stage``, ``price`` in points."""

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


def message_view(message: Message) -> MessageView:
    ended = message.fate if message.t_delivered_ns is not None else None
    return MessageView(
        message.provider_id,
        message.client_ref,
        message.msisdn,
        MessageState.OPEN if ended is None else ended.state,
        "" if ended is None else ended.reason,
        message.stage.name,
        message.segments,
        message.price_micro / MICRO,
        message.t_accepted_ns,
        message.t_carrier_ns,
        message.t_delivered_ns,
    )
