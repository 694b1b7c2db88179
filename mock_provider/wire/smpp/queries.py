"""query_sm and cancel_sm: what is known of a message, in the protocol's words."""

from __future__ import annotations

from mock_provider.engine import MessageView
from mock_provider.engine.values import MessageState
from mock_provider.wire.smpp import codes
from mock_provider.wire.smpp.pdu import MessageName
from mock_provider.wire.smpp.receipts import map_error, message_state
from mock_provider.wire.smpp.times import final_date

_DELETED = 4


def query_answer(view: MessageView | None, wall_offset_ns: int) -> tuple[int, bytes]:
    """Status and body of query_sm_resp; ``view`` None where the id is nobody's."""
    if view is None:
        return codes.ESME_RINVMSGID, b""
    state = _DELETED if view.reason == "cancelled" else message_state(view.state)
    date = "" if view.t_done_ns is None else final_date((view.t_done_ns + wall_offset_ns) / 1e9)
    error = 0 if view.state in (MessageState.OPEN, MessageState.DELIVERED) else map_error(view.reason)
    return codes.ESME_ROK, f"{view.provider_id}\0{date}\0".encode() + bytes((state, error))


def cancel_status(name: MessageName, view: MessageView | None, removed: bool) -> int:
    """Status of cancel_sm_resp. Only a message named by its id can be cancelled, while it is scheduled."""
    if removed:
        return codes.ESME_ROK
    return codes.ESME_RINVMSGID if name.message_id and view is None else codes.ESME_RCANCELFAIL
