"""The effects of a session: frozen values, no behaviour."""

from __future__ import annotations

from msgspec import Struct

from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.message_pdus import Address, MessageName, Replacement
from mock_provider.protocols.smpp.pdu import Bind, ShortMessage


class Submitted(Struct, frozen=True, gc=False):
    """Effect: a submit_sm (answered by ``Session.answer_submit`` if accepted) or data_sm."""

    sequence: int
    message: ShortMessage
    command_id: int = codes.SUBMIT_SM


class MultiSubmitted(Struct, frozen=True, gc=False):
    """Effect: a submit_multi to be answered by ``Session.answer``; ``message`` has no destination."""

    sequence: int
    message: ShortMessage
    destinations: tuple[Address, ...]


class Queried(Struct, frozen=True, gc=False):
    """Effect: a query_sm to be answered by ``Session.answer``."""

    sequence: int
    name: MessageName


class Cancelled(Struct, frozen=True, gc=False):
    """Effect: a cancel_sm to be answered by ``Session.answer``."""

    sequence: int
    name: MessageName


class Replaced(Struct, frozen=True, gc=False):
    """Effect: a replace_sm to be answered by ``Session.answer``."""

    sequence: int
    replacement: Replacement


class Answered(Struct, frozen=True, gc=False):
    """Effect: the peer has answered the PDU that ``deliver`` sent as ``tag``, with ESME_ROK or not."""

    tag: object
    taken: bool


class BoundNow(Struct, frozen=True, gc=False):
    """Effect: the peer has bound and was answered."""

    bind: Bind


class Close(Struct, frozen=True, gc=False):
    """Effect: close the connection when all earlier output is written."""


SessionEffect = (
    bytes | Submitted | MultiSubmitted | Queried | Cancelled | Replaced | Answered | BoundNow | Close
)
"""Bytes are to be written."""
