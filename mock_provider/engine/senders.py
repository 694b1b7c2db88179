"""The kind of a sender by its form, and the queue of each sender number."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from mock_provider.engine.message import TrackedMessage
from mock_provider.engine.rated_queue import Onward, RatedQueue

if TYPE_CHECKING:
    from mock_provider.settings.network import PerSender, SenderLimit

SenderForm = Literal["long_code", "short_code", "toll_free", "alphanumeric"]

_SHORT_CODE_DIGITS = 6
_MOST_SENDERS = 10_000
# North American toll-free area codes, with or without the calling code 1.
_is_toll_free = re.compile("1?8(?:00|33|44|55|66|77|88)[2-9][0-9]{6}").fullmatch


@lru_cache(maxsize=_MOST_SENDERS)
def sender_form(sender_id: str) -> SenderForm:
    """Up to six digits are a short code; anything that is not digits (with or without plus) is a name."""
    digits = sender_id.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return "alphanumeric"
    if len(digits) <= _SHORT_CODE_DIGITS:
        return "short_code"
    return "toll_free" if _is_toll_free(digits) else "long_code"


class SenderQueue(Struct, gc=False):
    """``reserved_segments``: of accepted messages whose reply is pending."""

    rated: RatedQueue
    capacity_segments: int | None
    reserved_segments: int = 0


class SenderQueues:
    """One queue per sender, before the accept queue. ``active`` False: no sender has its own rate."""

    __slots__ = ("_by_sender", "_forget_above", "_limits", "_onward", "active")

    def __init__(self, settings: PerSender, onward: Onward) -> None:
        self._onward = onward
        self._by_sender: dict[str, SenderQueue] = {}
        self._forget_above = _MOST_SENDERS
        self._set(settings)

    def reconfigure(self, now_ns: int, settings: PerSender) -> list[RatedQueue]:
        """Apply new rates. Returns the queues with waiting messages, whose wake-up may have changed."""
        self._set(settings)
        waiting = []
        for sender_id, queue in self._by_sender.items():
            limit = self._limits[sender_form(sender_id)]
            queue.capacity_segments = None if limit is None else limit.queue_segments
            queue.rated.reconfigure(now_ns, None if limit is None else limit.segments_per_s)
            if queue.rated:
                waiting.append(queue.rated)
        return waiting

    @property
    def known(self) -> int:
        """The number of senders with a queue."""
        return len(self._by_sender)

    def of(self, sender_id: str, now_ns: int) -> SenderQueue | None:
        """The queue of a sender. None: its form has no rate."""
        queue = self._by_sender.get(sender_id)
        if queue is not None:
            return queue
        limit = self._limits[sender_form(sender_id)]
        if limit is None:
            return None
        if len(self._by_sender) >= self._forget_above:
            self._forget_idle(now_ns)
        queue = SenderQueue(RatedQueue(limit.segments_per_s, self._onward), limit.queue_segments)
        self._by_sender[sender_id] = queue
        return queue

    def has_room(self, sender_id: str, segments: int, now_ns: int) -> bool:
        queue = self.of(sender_id, now_ns)
        if queue is None or queue.capacity_segments is None:
            return True
        return queue.reserved_segments + queue.rated.waiting_segments + segments <= queue.capacity_segments

    def reserve(self, message: TrackedMessage) -> None:
        """Reserve room for an accepted message."""
        queue = self.of(message.terms.sender_id, message.t_accepted_ns)
        if queue is not None:
            queue.reserved_segments += message.segments
            message.sender_reserved = True

    def release(self, message: TrackedMessage) -> None:
        """Release the room of a message."""
        queue = self._by_sender.get(message.terms.sender_id) if message.sender_reserved else None
        message.sender_reserved = False
        if queue is not None:
            queue.reserved_segments -= message.segments

    def entered(self, message: TrackedMessage, at_ns: int) -> RatedQueue | None:
        """The queue that the message enters. None: its sender has no queue."""
        self.release(message)
        queue = self.of(message.terms.sender_id, at_ns)
        return None if queue is None else queue.rated

    def waiting(self) -> int:
        """The number of messages in all queues."""
        return sum(len(queue.rated) for queue in self._by_sender.values())

    def _set(self, settings: PerSender) -> None:
        self._limits: dict[SenderForm, SenderLimit | None] = {
            "long_code": settings.long_code,
            "short_code": settings.short_code,
            "toll_free": settings.toll_free,
            "alphanumeric": settings.alphanumeric,
        }
        self.active = any(self._limits.values()) or bool(self._by_sender)

    def _forget_idle(self, now_ns: int) -> None:
        """Forget senders that are idle: their bucket would be full again."""
        self._by_sender = {
            sender_id: queue
            for sender_id, queue in self._by_sender.items()
            if queue.rated or queue.reserved_segments or queue.rated.wake_ns(now_ns) > now_ns
        }
        # Twice what is left, so that a scan of all senders stays rare.
        self._forget_above = max(_MOST_SENDERS, 2 * len(self._by_sender))
