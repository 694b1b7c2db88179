"""The accepted messages with their texts, up to a fixed number: for inbox page and protocols."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

from msgspec import Struct

from mock_provider.engine import MessageView
from mock_provider.engine.localtime import unix_seconds
from mock_provider.engine.values import Accepted, AcceptedMessage, Outbound, Submit
from mock_provider.protocols.lookups import CapturedMessage, MessageFilter


class _Kept(Struct, frozen=True, gc=False):
    submit: Submit
    accepted: Accepted
    unix_s: float


class InboxFilter(Struct, frozen=True):
    """Which messages to show. An empty field matches all.

    ``number`` is a part of the number, ``text`` a part of text, sender, key, reference or id in any case,
    ``state`` one of the states of a message, ``before`` the id of a message: only older ones.
    """

    number: str = ""
    text: str = ""
    state: str = ""
    before: str = ""


class Inbox:
    """Keeps whole requests, one append each. A message's state is read from the engine on demand."""

    def __init__(
        self,
        capacity: int,
        message_of: Callable[[str], MessageView | None],
        wall_offset_ns: Callable[[], int],
    ) -> None:
        self.capacity = capacity
        self._message_of = message_of
        self._wall_offset_ns = wall_offset_ns
        self._requests: deque[_Kept] = deque()
        self._first = 0  # the number of the oldest request that is kept; they are counted from 0
        self._messages = 0
        self._places: dict[str, tuple[int, int]] = {}  # of the messages of the requests before _indexed
        self._indexed = 0

    def __len__(self) -> int:
        return self._messages

    @property
    def end(self) -> int:
        """The number the next request will have: ``since`` shows what came after an earlier one."""
        return self._first + len(self._requests)

    def remember(self, submit: Submit, accepted: Accepted, unix_s: float) -> None:
        """Keep an accepted request. The oldest are dropped above the capacity of messages."""
        self._requests.append(_Kept(submit, accepted, unix_s))
        self._messages += len(accepted.messages)
        while self._messages > self.capacity and len(self._requests) > 1:
            self._messages -= len(self._requests.popleft().accepted.messages)
            self._first += 1

    def clear(self) -> None:
        self._first = self._indexed = self.end
        self._requests.clear()
        self._places.clear()
        self._messages = 0

    def search(self, wanted: InboxFilter, limit: int) -> list[CapturedMessage]:
        """Newest first; nothing if ``wanted.before`` was dropped."""
        found: list[CapturedMessage] = []
        if limit <= 0:
            return found
        places = self._newest_first(wanted.before)
        text = wanted.text.casefold()
        for request, message, source in places:
            if wanted.number and not _has_number(message, wanted.number):
                continue
            if text and not _has_text(request, message, source, text):
                continue
            view = self._message_of(message.provider_id)
            if wanted.state and (view is None or view.state.value != wanted.state):
                continue
            found.append(self._shown(request, message, source, view))
            if len(found) >= limit:
                break
        return found

    def since(self, number: int, limit: int) -> tuple[list[CapturedMessage], int]:
        """The newest messages of the requests from ``number`` on, newest first; how many more there are."""
        newest = min(self.end - number, len(self._requests))
        total = sum(
            len(request.accepted.messages) for request in islice(reversed(self._requests), max(0, newest))
        )
        found = [self._looked_up(*place) for place in islice(self._newest_first(), min(total, limit))]
        return found, total - len(found)

    def find(self, provider_id: str) -> CapturedMessage | None:
        """The message with this id, or None if it is not (or no longer) in the inbox."""
        place = self._place_of(provider_id)
        if place is None:
            return None
        request = self._requests[place[0] - self._first]
        message = request.accepted.messages[place[1]]
        return self._looked_up(request, message, _sources(request.submit).get(_recipient(message)))

    def matching(self, wanted: MessageFilter) -> Iterator[CapturedMessage]:
        """Messages, newest first."""
        messages = (self._looked_up(*place) for place in self._newest_first())
        return (message for message in messages if _meets(message, wanted))

    def _newest_first(self, before: str = "") -> Iterator[tuple[_Kept, AcceptedMessage, Outbound | None]]:
        end, inner_end = len(self._requests), None
        if before:
            place = self._place_of(before)
            if place is None:
                return
            end, inner_end = place[0] - self._first + 1, place[1]
        for request in islice(reversed(self._requests), len(self._requests) - end, None):
            messages, outbound = request.accepted.messages[:inner_end], request.submit.messages
            if len(messages) == len(outbound) == 1:  # the usual case
                yield request, messages[0], outbound[0]
            elif messages:
                sources = _sources(request.submit)
                for message in reversed(messages):
                    yield request, message, sources.get(_recipient(message))
            inner_end = None

    @property
    def indexed(self) -> int:
        """Messages in the index of ids, dropped ones included."""
        return len(self._places)

    def _place_of(self, provider_id: str) -> tuple[int, int] | None:
        """Request and position within it. The index is updated here, when it is needed."""
        if len(self._places) > 2 * max(self.capacity, self._messages):  # most of them were dropped
            self._places.clear()
            self._indexed = self._first
        unindexed = self.end - max(self._indexed, self._first)
        for back, request in enumerate(islice(reversed(self._requests), unindexed)):
            number = self.end - 1 - back
            for position, message in enumerate(request.accepted.messages):
                self._places[message.provider_id] = number, position
        self._indexed = self.end
        place = self._places.get(provider_id)
        return None if place is None or place[0] < self._first else place

    def _looked_up(self, request: _Kept, m: AcceptedMessage, source: Outbound | None) -> CapturedMessage:
        return self._shown(request, m, source, self._message_of(m.provider_id))

    def _shown(
        self, request: _Kept, m: AcceptedMessage, source: Outbound | None, view: MessageView | None
    ) -> CapturedMessage:
        return CapturedMessage(
            provider_id=m.provider_id,
            number=m.msisdn,
            submitted_number=m.submitted_number,
            sender=request.submit.sender_id,
            text=source.text if source else "",
            segments=m.segments,
            price=m.price,
            key=source.key if source else "",
            client_ref=m.client_ref,
            protocol=request.submit.protocol,
            state=view.state.value if view else "",
            reason=view.reason if view else "",
            stage=view.stage if view else "",
            accepted_unix_s=request.unix_s,
            carrier_unix_s=self._unix_s(view.t_carrier_ns) if view else None,
            final_unix_s=self._unix_s(view.t_final_ns) if view else None,
            country=view.country if view else "",
            carrier=view.carrier if view else "",
            memo=request.submit.memo,
        )

    def _unix_s(self, instant_ns: int | None) -> float | None:
        return None if instant_ns is None else unix_seconds(instant_ns, self._wall_offset_ns())


_Recipient = tuple[str, str, str | None]


def _recipient(message: AcceptedMessage | Outbound) -> _Recipient:
    return message.msisdn, message.submitted_number, message.client_ref


def _sources(submit: Submit) -> dict[_Recipient, Outbound]:
    return {_recipient(outbound): outbound for outbound in submit.messages}


def _meets(message: CapturedMessage, wanted: MessageFilter) -> bool:
    return (
        wanted.protocol in ("", message.protocol)
        and wanted.number in ("", message.number)
        and wanted.sender in ("", message.sender)
    )


def _has_number(message: AcceptedMessage, part: str) -> bool:
    return part in message.msisdn or part in message.submitted_number


def _has_text(request: _Kept, message: AcceptedMessage, source: Outbound | None, part: str) -> bool:
    text, key = ("", "") if source is None else (source.text, source.key)
    whole = f"{text}\0{key}\0{request.submit.sender_id}\0{message.client_ref or ''}\0{message.provider_id}"
    return part in whole.casefold()
