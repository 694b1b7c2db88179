"""The last refused requests with the beginning of their replies. Includes requests without a journal row,
such as those with an unknown token or an unknown path.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from mock_provider.engine.values import Submit
from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.protocols.actions import ActionReply
from mock_provider.settings.values import Refusal

KEPT = 100
_SHOWN = 300  # characters of the reply's body
# SMSAPI's legacy endpoints answer their errors at HTTP 200.
_ERROR_BODIES = (b'{"error"', b'{"invalid_numbers"', b"ERROR:")


class SeenRefusal(Struct, frozen=True, gc=False):
    """One refused request. ``t_ns`` is of the engine's clock; ``key`` is its first message's, if it has one.

    ``reason`` is the engine's (``Refusal``), "" if a protocol refused the request.
    ``answered`` is the beginning of the reply's body.
    """

    t_ns: int
    where: str  # the path, or of a submit the protocol
    status: int
    reason: str
    answered: str
    key: str = ""


class Refusals:
    """The last ``KEPT`` refusals, oldest first."""

    def __init__(self) -> None:
        self._seen: deque[SeenRefusal] = deque(maxlen=KEPT)

    def of_submit(self, t_ns: int, submit: Submit, reason: Refusal, reply: ActionReply) -> None:
        key = submit.messages[0].key if submit.messages else ""
        refusal = SeenRefusal(t_ns, submit.protocol, reply.status, reason.value, _beginning(reply), key)
        self._seen.append(refusal)

    def of_request(self, t_ns: int, request: HttpRequest, reply: HttpResponse) -> None:
        """Record a reply to a request that is not a submit, if it is an error."""
        if reply.status >= 400 or reply.body.startswith(_ERROR_BODIES):
            self._seen.append(SeenRefusal(t_ns, request.path, reply.status, "", _beginning(reply)))

    def clear(self) -> None:
        self._seen.clear()

    def seen(self) -> list[SeenRefusal]:
        return list(self._seen)


def _beginning(reply: ActionReply) -> str:
    return reply.body[:_SHOWN].decode("utf-8", "replace")
