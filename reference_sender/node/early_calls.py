"""Report calls that came before the answer to their submit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from msgspec import Struct

from reference_sender.node.effects import Waiter


class _EarlyCall(Struct, frozen=True, eq=False):
    """The answer to its submit is one of ``batches``."""

    waiter: Waiter
    batches: set[int]
    until_ns: int


class EarlyCalls:
    """Each waits for the batches that were unanswered when it came, ``limit_ns`` at most."""

    def __init__(self, limit_ns: int) -> None:
        self._limit_ns = limit_ns
        self._calls: deque[_EarlyCall] = deque()  # all wait equally long, so they are in order

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, now_ns: int, waiter: Waiter, batches: Iterable[int]) -> None:
        self._calls.append(_EarlyCall(waiter, set(batches), now_ns + self._limit_ns))

    def next_ns(self) -> int | None:
        """When the first one reaches its limit."""
        return self._calls[0].until_ns if self._calls else None

    def take_late(self, now_ns: int) -> list[Waiter]:
        """Remove those that have reached their limit."""
        late = []
        while self._calls and self._calls[0].until_ns <= now_ns:
            late.append(self._calls.popleft().waiter)
        return late

    def take_complete(self, batch_id: int) -> list[Waiter]:
        """The batch was answered or withdrawn. Remove those that waited for it alone."""
        complete = []
        for each in list(self._calls):
            each.batches.discard(batch_id)
            if not each.batches:
                self._calls.remove(each)
                complete.append(each.waiter)
        return complete
