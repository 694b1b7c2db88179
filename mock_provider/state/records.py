"""Messages and requests as bytes for the state file."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec
from msgspec import Struct

from mock_provider.engine.message import SubmitTerms, TrackedMessage
from mock_provider.engine.values import Accepted, ReportsWanted, Submit, SubmitOptions

_T = TypeVar("_T")
_encode = msgspec.msgpack.Encoder().encode
_JSON_LIST, _JSON_OBJECT = b"[", b"{"  # no record in MessagePack begins with these bytes


class CapturedRequest(Struct, frozen=True, gc=False):
    """An accepted request, for the inbox and the lookups of protocols. It has no token."""

    submit: Submit
    accepted: Accepted
    unix_s: float


def written(record: Struct) -> bytes:
    """MessagePack; JSON for a record that has half a surrogate pair or an integer of more than 64 bits."""
    try:
        return _encode(record)
    except (UnicodeEncodeError, OverflowError):
        return json.dumps(msgspec.to_builtins(record)).encode()


def read(data: bytes, kind: type[_T]) -> _T:
    """Raises ``ValueError`` if the bytes are not such a record."""
    if data[:1] in (_JSON_LIST, _JSON_OBJECT):
        return msgspec.convert(json.loads(data), kind)
    return msgspec.msgpack.decode(data, type=kind)


# Records are read by the places of their fields: other fields are another format.
_KINDS = TrackedMessage, SubmitTerms, Submit, SubmitOptions, ReportsWanted
FIELDS = " ".join(name for kind in _KINDS for name in kind.__struct_fields__)
