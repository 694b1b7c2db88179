"""Held messages: stored, in no lane, and waiting for an instant. One heap, one entry at a time for each.

A change of the rules may concern 200,000 of them. It only lists their ids, and they are placed again a few at
a time, so that the event loop is not held up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from reference_sender.dispatch.values import Message, is_hedge
from reference_sender.policy.next_release import NextReleases
from reference_sender.policy.quiet_hours import FOREVER


class Held:
    """Messages by id. Each becomes due at its instant, or at its expiry if that is earlier."""

    def __init__(self) -> None:
        self._messages: dict[int, Message] = {}
        self._due: dict[int, int] = {}
        self._heap: list[tuple[int, int]] = []
        self.releases = NextReleases()
        self._by_campaign: dict[str, dict[int, None]] = {}
        # Of these, those that wait for a higher spending limit.
        self._over_limit: dict[str, dict[int, None]] = {}
        self._seconds: dict[str, dict[int, None]] = {}  # second messages of OTPs, by campaign
        self._to_review: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._messages)

    def __contains__(self, message_id: int) -> bool:
        return message_id in self._messages

    def messages(self) -> list[Message]:
        """All of them, in the order of their ids."""
        return [self._messages[number] for number in sorted(self._messages)]

    def holds_any(self, campaign: str) -> bool:
        """Whether any message of ``campaign`` is held, second messages of OTPs included."""
        return campaign in self._by_campaign

    def count(self, campaign: str) -> int:
        """How many messages of ``campaign`` are held, without second messages of OTPs."""
        return self._firsts(self._by_campaign, campaign)

    def over_limit(self, campaign: str) -> int:
        """How many of these wait for a higher spending limit."""
        return self._firsts(self._over_limit, campaign)

    def _firsts(self, ids: dict[str, dict[int, None]], campaign: str) -> int:
        held, seconds = ids.get(campaign, {}), self._seconds.get(campaign)
        return len(held) if seconds is None else len(held) - len(held.keys() & seconds.keys())

    def add(self, message: Message, due_ns: int) -> None:
        """Hold ``message`` until ``due_ns``."""
        self._messages[message.message_id] = message
        self._by_campaign.setdefault(message.campaign, {})[message.message_id] = None
        if is_hedge(message.key):
            self._seconds.setdefault(message.campaign, {})[message.message_id] = None
        self._note_limit(message)
        self._wait(message, due_ns)

    def move(self, message: Message, due_ns: int) -> None:
        """Hold a held message until ``due_ns`` instead. ``message`` replaces the held one."""
        self.releases.drop(self._messages[message.message_id], self._due[message.message_id])
        self._messages[message.message_id] = message
        self._note_limit(message)
        self._wait(message, due_ns)
        self._compact()

    def next_ns(self) -> int | None:
        """When the next message is due; 0 while there are some to review."""
        if self._to_review:
            return 0
        return self._next_due_ns()

    def _next_due_ns(self) -> int | None:
        heap = self._heap
        while heap and self._due.get(heap[0][1]) != heap[0][0]:
            heappop(heap)  # it was moved or taken
        return heap[0][0] if heap else None

    def pop_due(self, now_ns: int, limit: int) -> list[Message]:
        """At most ``limit`` due messages, in the order of their instants and ids. They are no longer held."""
        found: list[Message] = []
        while len(found) < limit and (due_ns := self._next_due_ns()) is not None and due_ns <= now_ns:
            found.append(self._drop(heappop(self._heap)[1]))
        return found

    def review(self, campaign: str) -> None:
        """The rules of ``campaign`` changed: its messages must be placed again."""
        self._to_review.extend(sorted(self._by_campaign.get(campaign, ())))

    def review_all(self) -> None:
        """The rules of all messages changed."""
        self._to_review = deque(sorted(self._messages))

    def take_review(self, limit: int) -> list[Message]:
        """At most ``limit`` messages to place again, with ``move``."""
        found: list[Message] = []
        while self._to_review and len(found) < limit:
            message = self._messages.get(self._to_review.popleft())
            if message is not None:
                found.append(message)
        return found

    def over_limits(self, campaign: str) -> Sequence[int]:
        """The ids of the messages of ``campaign`` that wait for a higher spending limit, sorted."""
        return sorted(self._over_limit.get(campaign, ()))

    def get(self, message_id: int) -> Message | None:
        """The message, if it is held."""
        return self._messages.get(message_id)

    def _wait(self, message: Message, due_ns: int) -> None:
        due_ns = min(due_ns, message.expires_ns)
        self._due[message.message_id] = due_ns
        self.releases.add(message, due_ns)
        heappush(self._heap, (due_ns, message.message_id))

    def _drop(self, number: int) -> Message:
        message = self._messages.pop(number)
        self.releases.drop(message, self._due.pop(number))
        self._compact()
        _discard(self._by_campaign, message)
        _discard(self._over_limit, message)
        _discard(self._seconds, message)
        return message

    def _compact(self) -> None:
        """Remove entries of the heap that were replaced, many at a time, since each search takes time."""
        if len(self._heap) > 2 * len(self._messages) + 64:
            self._heap = [(due_ns, number) for number, due_ns in self._due.items()]
            heapify(self._heap)

    def _note_limit(self, message: Message) -> None:
        if message.not_before_ns >= FOREVER:
            self._over_limit.setdefault(message.campaign, {})[message.message_id] = None
        else:
            _discard(self._over_limit, message)


def _discard(ids: dict[str, dict[int, None]], message: Message) -> None:
    of_campaign = ids.get(message.campaign)
    if of_campaign is not None:
        of_campaign.pop(message.message_id, None)
        if not of_campaign:
            del ids[message.campaign]
