"""The messages this provider took, as many as memory is given for: for the people who look."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from msgspec import Struct

from mock_provider.engine import MessageView
from mock_provider.engine.values import Accepted, Submit


class InboxMessage(Struct, frozen=True, gc=False):
    """One captured message, as the admin API shows it; ``state`` is "" where the engine has forgotten it."""

    provider_id: str
    number: str
    submitted_number: str
    sender: str
    text: str
    segments: int
    price: float
    key: str
    client_ref: str | None
    wire: str
    state: str
    reason: str
    accepted_unix_s: float


class _Taken(Struct, frozen=True, gc=False):
    submit: Submit
    accepted: Accepted
    unix_s: float


class Inbox:
    """Keeps whole requests, one append each; what became of a message is asked when somebody looks."""

    def __init__(self, capacity: int, message_of: Callable[[str], MessageView | None]) -> None:
        self._capacity = capacity
        self._message_of = message_of
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

    def search(self, number: str = "", text: str = "", limit: int = 100) -> list[InboxMessage]:
        """Newest first; ``number`` is a part of the number, ``text`` a part of text or key, in any case."""
        wanted = text.casefold()
        found: list[InboxMessage] = []
        if limit <= 0:
            return found
        for message in self._newest_first():
            if number and number not in message.number and number not in message.submitted_number:
                continue
            if wanted and wanted not in message.text.casefold() and wanted not in message.key.casefold():
                continue
            found.append(message)
            if len(found) >= limit:
                break
        return found

    def _newest_first(self) -> Iterator[InboxMessage]:
        for taken in reversed(self._taken):
            sources = {(o.msisdn, o.submitted_number, o.client_ref): o for o in taken.submit.messages}
            for m in reversed(taken.accepted.messages):
                source = sources.get((m.msisdn, m.submitted_number, m.client_ref))
                view = self._message_of(m.provider_id)
                state, reason = ("", "") if view is None else (view.state.value, view.reason)
                yield InboxMessage(
                    m.provider_id, m.msisdn, m.submitted_number, taken.submit.sender_id,
                    source.text if source else "", m.segments, m.price,
                    source.key if source else "", m.client_ref, taken.submit.wire,
                    state, reason, taken.unix_s,
                )  # fmt: skip
