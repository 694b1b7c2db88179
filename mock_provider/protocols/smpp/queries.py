"""query_sm: find the message, and express its state in SMPP terms."""

from __future__ import annotations

from collections.abc import Sequence

from mock_provider.engine import MessageView
from mock_provider.engine.localtime import unix_seconds
from mock_provider.engine.values import MessageState
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.memo import names_source, read_name
from mock_provider.protocols.smpp.message_pdus import MessageName
from mock_provider.protocols.smpp.receipts import map_error, message_state
from mock_provider.protocols.smpp.times import final_date

_DELETED = 4
_OPEN = MessageState.OPEN


def is_named_by(view: MessageView, name: MessageName) -> bool:
    """Whether a request gives the message's source address (§4.8.1), and its service_type if it gives one."""
    named = read_name(view.memo)
    return names_source(named, name.source) and name.service_type in ("", named.service_type)


def query_answer(message_id: str, views: Sequence[MessageView], wall_offset_ns: int) -> tuple[int, bytes]:
    """Status and body of query_sm_resp. Of several messages with one id the first that is open is shown."""
    if not views:
        return codes.ESME_RINVMSGID, b""
    view = next((each for each in views if each.state is _OPEN), views[0])
    state = _DELETED if view.reason == "cancelled" else message_state(view.state)
    date = "" if view.t_final_ns is None else final_date(unix_seconds(view.t_final_ns, wall_offset_ns))
    error = 0 if view.state in (_OPEN, MessageState.DELIVERED) else map_error(view.reason)
    return codes.ESME_ROK, f"{message_id}\0{date}\0".encode() + bytes((state, error))
