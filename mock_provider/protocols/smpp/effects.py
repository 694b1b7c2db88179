"""The effects of a session: frozen values, no behaviour."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.message_pdus import Address, MessageName, Replacement
from mock_provider.protocols.smpp.pdu import Bind, ShortMessage


class Submitted(Struct, frozen=True, gc=False):
    """Effect: a submit_sm or data_sm."""

    sequence: int
    message: ShortMessage
    command_id: int = codes.SUBMIT_SM


class MultiSubmitted(Struct, frozen=True, gc=False):
    """Effect: a submit_multi. ``message`` has no destination."""

    command_id: ClassVar[int] = codes.SUBMIT_MULTI
    sequence: int
    message: ShortMessage
    destinations: tuple[Address, ...]


class Queried(Struct, frozen=True, gc=False):
    """Effect: a query_sm."""

    command_id: ClassVar[int] = codes.QUERY_SM
    sequence: int
    name: MessageName


class Cancelled(Struct, frozen=True, gc=False):
    """Effect: a cancel_sm."""

    command_id: ClassVar[int] = codes.CANCEL_SM
    sequence: int
    name: MessageName


class Replaced(Struct, frozen=True, gc=False):
    """Effect: a replace_sm."""

    command_id: ClassVar[int] = codes.REPLACE_SM
    sequence: int
    replacement: Replacement


class Answered(Struct, frozen=True, gc=False):
    """Effect: the peer has answered the PDU that ``deliver`` sent as ``tag``, with ESME_ROK or not."""

    tag: object
    accepted: bool


class BoundNow(Struct, frozen=True, gc=False):
    """Effect: the peer has bound and was answered."""

    bind: Bind


class Close(Struct, frozen=True, gc=False):
    """Effect: close the connection when all earlier output is written."""


MessageOperation = Submitted | MultiSubmitted | Queried | Cancelled | Replaced
"""Answer it by ``Session.answer`` with its command_id and sequence."""

SessionEffect = bytes | MessageOperation | Answered | BoundNow | Close
"""Bytes are to be written."""
