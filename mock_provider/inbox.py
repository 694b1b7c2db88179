"""The messages this provider took, as many as memory is given for: for the people who look."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from msgspec import Struct

from mock_provider.engine import MessageView
from mock_provider.engine.values import Accepted, AcceptedMessage, Outbound, Submit
from mock_provider.wire.calls import CapturedMessage

_NANOSECONDS = 1e9


class _Taken(Struct, frozen=True, gc=False):
    submit: Submit
    accepted: Accepted
    unix_s: float


class Inbox:
    """Keeps whole requests, one append each; what became of a message is asked when somebody looks."""

    def __init__(
        self, capacity: int, message_of: Callable[[str], MessageView | None], wall_offset_ns: int
    ) -> None:
        self._capacity = capacity
        self._message_of = message_of
        self._wall_offset_ns = wall_offset_ns
        self._taken: deque[_Taken] = deque()
        self._messages = 0

    def remember(self, submit: Submit, accepted: Accepted, unix_s: float) -> None:
        """Keep an accepted request; the oldest go when there are more messages than the capacity."""
        self._taken.append(_Taken(submit, accepted, unix_s))
        self._messages += len(accepted.messages)
        while self._messages > self._capacity and len(self._taken) > 1:
            self._messages -= len(self._taken.popleft().accepted.messages)

    def clear(self) -> None:
        self._taken.clear()
        self._messages = 0

    def search(self, number: str = "", text: str = "", limit: int = 100) -> list[CapturedMessage]:
        """Newest first; ``number`` is a part of the number, ``text`` a part of text or key, in any case."""
        wanted = text.casefold()
        found: list[CapturedMessage] = []
        if limit <= 0:
            return found
        for message in self.newest_first():
            if number and number not in message.number and number not in message.submitted_number:
                continue
            if wanted and wanted not in message.text.casefold() and wanted not in message.key.casefold():
                continue
            found.append(message)
            if len(found) >= limit:
                break
        return found

    def find(self, provider_id: str) -> CapturedMessage | None:
        """The message of this id, or None where it was never here or has gone."""
        return next((m for m in self.newest_first() if m.provider_id == provider_id), None)

    def newest_first(self) -> Iterator[CapturedMessage]:
        for taken in reversed(self._taken):
            sources = {(o.msisdn, o.submitted_number, o.client_ref): o for o in taken.submit.messages}
            for m in reversed(taken.accepted.messages):
                yield self._shown(taken, m, sources.get((m.msisdn, m.submitted_number, m.client_ref)))

    def _shown(self, taken: _Taken, m: AcceptedMessage, source: Outbound | None) -> CapturedMessage:
        view = self._message_of(m.provider_id)
        return CapturedMessage(
            m.provider_id,
            m.msisdn,
            m.submitted_number,
            taken.submit.sender_id,
            source.text if source else "",
            m.segments,
            m.price,
            source.key if source else "",
            m.client_ref,
            taken.submit.wire,
            view.state.value if view else "",
            view.reason if view else "",
            view.stage if view else "",
            taken.unix_s,
            self._unix_s(view.t_carrier_ns) if view else None,
            self._unix_s(view.t_done_ns) if view else None,
            taken.submit.memo,
        )

    def _unix_s(self, instant_ns: int | None) -> float | None:
        return None if instant_ns is None else (instant_ns + self._wall_offset_ns) / _NANOSECONDS
