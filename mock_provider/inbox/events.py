"""Server-sent events for the page: new messages, changed states, traffic, changes of profile and faults."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
from msgspec import Struct

from mock_provider.engine import MessageView
from mock_provider.engine.views import LOST
from mock_provider.http.streaming import ResponseStream, Streaming
from mock_provider.inbox.store import Inbox
from mock_provider.inbox.traffic import Tick

EVENT_STREAM = "text/event-stream; charset=utf-8"
MOST_READERS = 32

_MESSAGES_AT_ONCE = 100  # of one publication; more cannot be read on a page
_WATCHED = 500  # messages whose states are followed: about what a page shows
_DROPPED_AFTER = 50  # publications in a row that a reader could not receive
_OVER = ("CLOSED", LOST)  # the message is final and reported


class MessageChange(Struct, frozen=True, gc=False):
    """The new state of a message that was published before."""

    provider_id: str
    state: str
    reason: str
    stage: str


class _Reader(Struct, eq=False):
    stream: ResponseStream
    missed: int = 0  # publications in a row


def event(name: str, value: object) -> bytes:
    """One event as it is in the stream (WHATWG HTML §9.2.6); JSON has no line break."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), json_bytes(value))


def json_bytes(value: object) -> bytes:
    """JSON. Half a surrogate pair, which UTF-8 cannot encode, becomes ``?``."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_printable(msgspec.to_builtins(value)))


class EventFeed:
    """Sends every reader the events since the last ``publish``. Does nothing without readers.

    Events are not kept for a slow reader: it misses them, gets ``behind`` when it reads again, and is
    disconnected if it does not.
    """

    def __init__(self, inbox: Inbox, message_of: Callable[[str], MessageView | None]) -> None:
        self._inbox = inbox
        self._message_of = message_of
        self._readers: list[_Reader] = []
        self._seen = 0
        self._watched: dict[str, str] = {}  # provider id: stage

    @property
    def readers(self) -> int:
        """The number of readers."""
        return len(self._readers)

    @property
    def unsent_bytes(self) -> int:
        """Bytes that readers have not received yet."""
        return sum(reader.stream.unsent_bytes for reader in self._readers)

    def stream(self) -> Streaming | None:
        """A reply with all events from now on. None: there are too many readers."""
        if len(self._readers) >= MOST_READERS:
            return None
        return Streaming(EVENT_STREAM, self._begin, (("Cache-Control", "no-store"),))

    def publish(self) -> None:
        """Send new messages and changed states. Call it a few times per second."""
        if not self._readers:
            return
        changes = self._changes()
        if changes:
            self.broadcast("changes", {"changes": changes})
        messages, skipped = self._inbox.since(self._seen, _MESSAGES_AT_ONCE)
        self._seen = self._inbox.end
        if messages:
            self._watch([(m.provider_id, m.stage) for m in reversed(messages)])
            self.broadcast("messages", {"messages": messages, "skipped": skipped})

    def tick(self, tick: Tick) -> None:
        """Send the traffic of the last second. It is also the heartbeat."""
        if self._readers:
            self.broadcast("tick", tick)

    def settings_changed(self) -> None:
        """Profile or faults have changed: pages request them again."""
        self.broadcast("settings", {})

    def cleared(self) -> None:
        """The inbox was emptied."""
        self._seen = self._inbox.end
        self._watched.clear()
        self.broadcast("cleared", {})

    def broadcast(self, name: str, value: object) -> None:
        if not self._readers:
            return
        data = event(name, value)
        for reader in list(self._readers):
            # The reader must know that it missed events before it gets others.
            ready = reader.missed == 0 or reader.stream.write(event("behind", {}))
            if ready and reader.stream.write(data):
                reader.missed = 0
                continue
            reader.missed += 1
            if reader.missed > _DROPPED_AFTER:
                reader.stream.cut()

    def _begin(self, stream: ResponseStream) -> Callable[[], None]:
        if not self._readers:
            self._seen = self._inbox.end
            newest, _ = self._inbox.since(0, _WATCHED)
            self._watched.clear()
            self._watch([(m.provider_id, m.stage) for m in reversed(newest)])
        reader = _Reader(stream)
        self._readers.append(reader)
        stream.write(event("hello", {"messages_kept": self._inbox.capacity}))
        return partial(self._readers.remove, reader)

    def _watch(self, messages: list[tuple[str, str]]) -> None:
        watched = self._watched
        watched.update(
            (provider_id, stage) for provider_id, stage in messages if stage and stage not in _OVER
        )
        for provider_id in list(watched)[: max(0, len(watched) - _WATCHED)]:
            del watched[provider_id]

    def _changes(self) -> list[MessageChange]:
        changes: list[MessageChange] = []
        for provider_id, stage in list(self._watched.items()):
            view = self._message_of(provider_id)
            if view is None:
                del self._watched[provider_id]
                continue
            if view.stage == stage:
                continue
            changes.append(MessageChange(provider_id, view.state.value, view.reason, view.stage))
            if view.stage in _OVER:
                del self._watched[provider_id]
            else:
                self._watched[provider_id] = view.stage
        return changes


def _printable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {name: _printable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(each) for each in value]
    return value
