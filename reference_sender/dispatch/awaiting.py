"""Messages that a provider has taken, and the matching of delivery reports to them."""

from __future__ import annotations

from itertools import islice

from msgspec import Struct

from reference_sender.dispatch.values import Report, State


class Sent(Struct, frozen=True, gc=False):
    """A message that a provider has. Without its text, since half a million may wait."""

    message_id: int
    attempts: int
    provider_id: str | None
    at_ns: int  # when it was sent, or, once it has ended, when it ended
    state: State = State.SENT
    route: str | None = None  # of the last attempt


class SentIndex:
    """Messages by key and by the provider's id, in the order in which they were added."""

    __slots__ = ("_key_of", "by_key")

    def __init__(self) -> None:
        self.by_key: dict[str, Sent] = {}
        self._key_of: dict[str, str] = {}

    def add(self, key: str, sent: Sent) -> None:
        """Keep ``sent`` under ``key``."""
        self.by_key[key] = sent
        if sent.provider_id is not None:
            self._key_of[sent.provider_id] = key

    def find(self, report: Report) -> str | None:
        """The key of the message that ``report`` is about: by its client reference, else by provider id."""
        if report.key is not None and report.key in self.by_key:
            return report.key
        key = self._key_of.get(report.provider_id)
        return key if key in self.by_key else None

    def pop(self, key: str) -> Sent:
        """Forget ``key``."""
        sent = self.by_key.pop(key)
        if sent.provider_id is not None:
            self._key_of.pop(sent.provider_id, None)
        return sent


class Awaiting:
    """SENT messages, and when to stop waiting for their reports."""

    __slots__ = ("_step_ns", "_timeout_ns", "index", "next_ns")

    def __init__(self, timeout_ns: int) -> None:
        self.index = SentIndex()
        self._timeout_ns = timeout_ns
        self._step_ns = max(1, timeout_ns // 1000)  # a timeout may be noticed this late
        self.next_ns: int | None = None  # when ``take_timed_out`` may next find something

    def add(self, key: str, sent: Sent) -> None:
        """Await the report of ``key``; to be called in the order of ``sent.at_ns``."""
        self.index.add(key, sent)
        if self.next_ns is None:
            self.next_ns = sent.at_ns + self._timeout_ns

    @property
    def latest_ns(self) -> int:
        """``at_ns`` of the last one that was added; 0 without one."""
        newest = next(reversed(self.index.by_key.values()), None)
        return 0 if newest is None else newest.at_ns

    def take_timed_out(self, now_ns: int) -> list[tuple[str, Sent]]:
        """Messages whose report is overdue, oldest first."""
        if self.next_ns is None or now_ns < self.next_ns:
            return []
        latest_ns = now_ns - self._timeout_ns
        keys: list[str] = []
        self.next_ns = None
        for key, sent in self.index.by_key.items():
            if sent.at_ns > latest_ns:
                # Stepping bounds how often the walk over the dictionary's freed front places is made.
                self.next_ns = max(sent.at_ns + self._timeout_ns, now_ns + self._step_ns)
                break
            keys.append(key)
        return [(key, self.index.pop(key)) for key in keys]


class Ended:
    """The last messages that ended without a delivery, for the one late update that the table allows."""

    __slots__ = ("_capacity", "index")

    def __init__(self, capacity: int) -> None:
        self.index = SentIndex()
        self._capacity = capacity

    def add(self, key: str, sent: Sent) -> None:
        """Keep ``sent``; beyond the capacity the oldest go, many at a time, as each walk has its price."""
        self.index.add(key, sent)
        if len(self.index.by_key) > self._capacity:
            for oldest in list(islice(self.index.by_key, self._capacity // 8 + 1)):
                self.index.pop(oldest)


class EarlyReports:
    """Reports without our key that overtook the answer to their submit, the only thing that could place them.

    A report that carries the key is never early: it proves by itself that the provider has the message.
    """

    __slots__ = ("_by_id", "_capacity")

    def __init__(self, capacity: int) -> None:
        self._by_id: dict[str, Report] = {}
        self._capacity = capacity

    def __len__(self) -> int:
        return len(self._by_id)

    def keep(self, report: Report) -> bool:
        """Keep ``report`` for whichever message is given its provider id; False if there is no room."""
        kept = self._by_id.get(report.provider_id)
        if kept is None and len(self._by_id) >= self._capacity:
            return False
        if kept is None or kept.state is State.SENT:
            self._by_id[report.provider_id] = report
        return True

    def take(self, provider_id: str | None) -> Report | None:
        """The report kept for the message that was given ``provider_id``."""
        return self._by_id.pop(provider_id, None) if provider_id is not None else None

    def drop_unclaimed(self) -> int:
        """Nothing is being submitted, so no answer can claim what is kept; returns its count."""
        dropped = len(self._by_id)
        self._by_id.clear()
        return dropped
