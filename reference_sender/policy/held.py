"""Held messages: stored, in no lane, and waiting for an instant. One heap, one entry at a time for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from heapq import heapify, heappop, heappush

from reference_sender.dispatch.values import Message
from reference_sender.policy.next_release import NextReleases
from reference_sender.policy.quiet_hours import FOREVER


class Held:
    """Messages by id. Each becomes due at its instant, or at its expiry if that is earlier."""

    def __init__(self) -> None:
        self._messages: dict[int, Message] = {}
        self._due: dict[int, int] = {}
        self._heap: list[tuple[int, int]] = []
        self.releases = NextReleases()
        self.by_campaign: Counter[str] = Counter()
        self.over_limit: Counter[str] = Counter()  # of these, those that wait for a higher spending limit

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: Message, due_ns: int) -> None:
        """Hold ``message`` until ``due_ns``."""
        self._messages[message.message_id] = message
        self.by_campaign[message.campaign] += 1
        self._count_over_limit(message, 1)
        self._wait(message, due_ns)

    def move(self, message: Message, due_ns: int) -> None:
        """Hold a held message until ``due_ns`` instead. ``message`` replaces the held one."""
        self.releases.drop(self._messages[message.message_id], self._due[message.message_id])
        self._count_over_limit(self._messages[message.message_id], -1)
        self._count_over_limit(message, 1)
        self._messages[message.message_id] = message
        self._wait(message, due_ns)
        if len(self._heap) > 2 * len(self._messages) + 64:
            self._heap = [(due_ns, number) for number, due_ns in self._due.items()]
            heapify(self._heap)

    def next_ns(self) -> int | None:
        """When the next message is due."""
        heap = self._heap
        while heap and self._due.get(heap[0][1]) != heap[0][0]:
            heappop(heap)  # it was moved or taken
        return heap[0][0] if heap else None

    def pop_due(self, now_ns: int, limit: int) -> list[Message]:
        """At most ``limit`` due messages, in the order of their instants and ids. They are no longer held."""
        found: list[Message] = []
        while len(found) < limit and (due_ns := self.next_ns()) is not None and due_ns <= now_ns:
            found.append(self._drop(heappop(self._heap)[1]))
        return found

    def take(self, wanted: Callable[[Message], bool]) -> list[Message]:
        """The messages for which ``wanted`` is true, in the order of their ids. They are no longer held."""
        found = self.find(wanted)
        for message in found:
            self._drop(message.message_id)
        return found

    def find(self, wanted: Callable[[Message], bool]) -> list[Message]:
        """The messages for which ``wanted`` is true, in the order of their ids."""
        return [self._messages[number] for number in sorted(self._messages) if wanted(self._messages[number])]

    def _wait(self, message: Message, due_ns: int) -> None:
        due_ns = min(due_ns, message.expires_ns)
        self._due[message.message_id] = due_ns
        self.releases.add(message, due_ns)
        heappush(self._heap, (due_ns, message.message_id))

    def _drop(self, number: int) -> Message:
        message = self._messages.pop(number)
        self.releases.drop(message, self._due.pop(number))
        self.by_campaign[message.campaign] -= 1
        if not self.by_campaign[message.campaign]:
            del self.by_campaign[message.campaign]
        self._count_over_limit(message, -1)
        return message

    def _count_over_limit(self, message: Message, by: int) -> None:
        if message.not_before_ns >= FOREVER:
            self.over_limit[message.campaign] += by
            if not self.over_limit[message.campaign]:
                del self.over_limit[message.campaign]
