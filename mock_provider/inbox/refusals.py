"""The last refused requests with the beginning of their replies. Includes requests without a journal row,
such as those with an unknown token or an unknown path.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from mock_provider.engine.values import Submit
from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.protocols.actions import ActionReply, RefusalText
from mock_provider.settings.values import Refusal

KEPT = 100
_SHOWN = 300  # characters of the reply's body
_UNAUTHORIZED = Refusal.UNAUTHORIZED.value


class SeenRefusal(Struct, frozen=True, gc=False):
    """One refused request. ``t_ns`` is of the engine's clock; ``key`` is its first message's, if it has one.

    ``reason`` is the engine's (``Refusal``). If a protocol refused the request, it is ``unauthorized`` for an
    unknown token, otherwise "". ``code`` and ``text`` are the protocol's; ``answered`` is the beginning of
    the reply's body.
    """

    t_ns: int
    where: str  # the path, or of a submit the protocol
    status: int
    reason: str
    answered: str
    code: str
    text: str
    key: str = ""


class Refusals:
    """The last ``KEPT`` refusals, oldest first."""

    def __init__(self) -> None:
        self._seen: deque[SeenRefusal] = deque(maxlen=KEPT)

    def of_submit(
        self, t_ns: int, submit: Submit, reason: Refusal, reply: ActionReply, text: RefusalText | None
    ) -> None:
        """``text`` is what the protocol reads in the reply."""
        key = submit.messages[0].key if submit.messages else ""
        self._remember(t_ns, submit.protocol, reason.value, reply, text or RefusalText(""), key)

    def of_request(
        self, t_ns: int, request: HttpRequest, reply: HttpResponse, text: RefusalText, key: str = ""
    ) -> None:
        """Record an error reply to a request that did not reach the engine."""
        reason = _UNAUTHORIZED if text.unauthorized else ""
        self._remember(t_ns, request.path, reason, reply, text, key)

    def _remember(
        self, t_ns: int, where: str, reason: str, reply: ActionReply, text: RefusalText, key: str = ""
    ) -> None:
        answered = reply.body[:_SHOWN].decode("utf-8", "replace")
        shown = text.text[:_SHOWN]
        self._seen.append(
            SeenRefusal(
                t_ns=t_ns,
                where=where,
                status=reply.status,
                reason=reason,
                answered=answered,
                code=text.code,
                text=shown,
                key=key,
            )
        )

    def clear(self) -> None:
        self._seen.clear()

    def seen(self) -> list[SeenRefusal]:
        return list(self._seen)
