"""Messages that a provider has accepted, and the matching of delivery reports to them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from reference_sender.dispatch.values import Report, State

_AT_ONCE = 500  # messages that are given up in one call: each costs 3 us, and the event loop waits


class Sent(Struct, frozen=True, gc=False):
    """A message that a provider has accepted, without its text, since 500,000 may wait."""

    message_id: int
    attempts: int
    provider_id: str | None
    at_ns: int  # when it was sent, or, once it has ended, when it ended, in Unix time
    lane: int  # index into LANES: its class
    begun_ns: int  # when it was accepted, or its scheduled time (``figures.begun_ns``)
    state: State = State.SENT
    route: str | None = None  # of the last attempt
    carrier: str = ""  # of the recipient; empty if its delivery is not measured
    campaign: str = ""  # the one that counts it


def with_id(sent: Sent, report: Report) -> Sent:
    """``sent`` with the provider's id of ``report``, if no answer and no lookup had said it."""
    if sent.provider_id is not None or not report.provider_id:
        return sent
    return replace(sent, provider_id=report.provider_id)


class SentIndex:
    """Messages by key and by the provider's id, in the order in which they were added."""

    __slots__ = ("_key_of", "by_key")

    def __init__(self) -> None:
        self.by_key: dict[str, Sent] = {}
        self._key_of: dict[str | None, str] = {}

    def __len__(self) -> int:
        """Entries of the larger of the two tables."""
        return max(len(self.by_key), len(self._key_of))

    def add(self, key: str, sent: Sent) -> None:
        """Keep ``sent`` under ``key``."""
        self.by_key[key] = sent
        if sent.provider_id is not None:
            self._key_of[sent.provider_id] = key

    def add_all(self, messages: Sequence[tuple[str, Sent]]) -> None:
        """Keep each of ``messages`` under its key."""
        by_key, key_of = self.by_key, self._key_of
        for key, sent in messages:
            by_key[key] = sent
            if sent.provider_id is not None:
                key_of[sent.provider_id] = key

    def find(self, report: Report) -> str | None:
        """The key of the message that ``report`` is about. A report that names a key is about that one only:
        messages of two providers may have one id. Without a key the id decides.
        """
        key = report.key
        if key is None:
            key = self._key_of.get(report.provider_id)
        return key if key in self.by_key else None

    def take_reported(self, report: Report) -> tuple[str, Sent] | None:
        """As ``find``, ``pop`` and ``with_id``."""
        key = report.key
        if key is None:
            key = self._key_of.get(report.provider_id)
        if key is None or (sent := self.by_key.pop(key, None)) is None:
            return None
        self._forget_id(key, sent.provider_id)
        return key, with_id(sent, report) if sent.provider_id is None else sent

    def extend(self, later: SentIndex) -> None:
        """Add the messages of ``later`` after these."""
        self.by_key.update(later.by_key)
        self._key_of.update(later._key_of)

    def pop(self, key: str) -> Sent:
        """Forget ``key``."""
        sent = self.by_key.pop(key)
        self._forget_id(key, sent.provider_id)
        return sent

    def _forget_id(self, key: str, provider_id: str | None) -> None:
        last = self._key_of.pop(provider_id, None)
        if last is not None and last != key:  # of a message of another provider
            self._key_of[provider_id] = last


class Awaiting:
    """SENT messages, and when to stop waiting for their reports: for none before all are known."""

    __slots__ = ("_step_ns", "_timeout_ns", "complete", "index", "newest_ns", "next_ns")

    def __init__(self, timeout_ns: int) -> None:
        self.index = SentIndex()
        self._timeout_ns = timeout_ns
        self._step_ns = max(1, timeout_ns // 1000)  # a timeout may be noticed this late
        self.next_ns: int | None = None  # the earliest time at which ``take_timed_out`` may find something
        self.newest_ns = -1  # when the last message was sent
        self.complete = True  # False: messages that were sent before these follow, with ``put_before``

    def oldest_ns(self) -> int:
        """When the first of the messages, at least one, was sent."""
        return next(iter(self.index.by_key.values())).at_ns

    def add(self, at_ns: int, messages: Sequence[tuple[str, Sent]]) -> None:
        """Await the reports of messages, by key, that were sent at ``at_ns``. Call it in this order."""
        self.index.add_all(messages)
        self.newest_ns = at_ns
        if self.next_ns is None and self.complete:
            self.next_ns = at_ns + self._timeout_ns

    def add_one(self, at_ns: int, key: str, sent: Sent) -> None:
        """As ``add``, if ``next_ns`` is known."""
        self.index.add(key, sent)
        self.newest_ns = at_ns

    def put_before(self, earlier: SentIndex, now_ns: int) -> None:
        """Await the reports of ``earlier`` too, which are in the order of time and older than the others.
        None is overdue at ``now_ns``: reports that waited for these messages are taken first.
        """
        earlier.extend(self.index)
        self.index = earlier
        self.complete = True
        if earlier.by_key:
            self.next_ns = max(self.oldest_ns() + self._timeout_ns, now_ns + 1)
            self.newest_ns = max(self.newest_ns, self.latest_ns)

    @property
    def latest_ns(self) -> int:
        """``at_ns`` of the last one that was added; 0 without one."""
        newest = next(reversed(self.index.by_key.values()), None)
        return 0 if newest is None else newest.at_ns

    def take_timed_out(self, now_ns: int) -> list[tuple[str, Sent]]:
        """Messages whose report is overdue, oldest first. If there are many, the rest is due at once."""
        if self.next_ns is None or now_ns < self.next_ns:
            return []
        latest_ns = now_ns - self._timeout_ns
        keys: list[str] = []
        self.next_ns = None
        for key, sent in self.index.by_key.items():
            if sent.at_ns > latest_ns:
                # Steps limit how often the dictionary's freed front slots are scanned.
                self.next_ns = max(sent.at_ns + self._timeout_ns, now_ns + self._step_ns)
                break
            if len(keys) == _AT_ONCE:
                self.next_ns = now_ns
                break
            keys.append(key)
        return [(key, self.index.pop(key)) for key in keys]


class Ended:
    """The last messages that ended without a delivery, for the one late update that the table allows."""

    __slots__ = ("_capacity", "_first_ns", "_last_ns", "index")

    def __init__(self, capacity: int) -> None:
        self.index = SentIndex()
        self._capacity = capacity
        self._first_ns: int | None = None  # when the first of the removed ones ended; None: none is removed
        self._last_ns = 0  # when the last one did

    def add(self, key: str, sent: Sent) -> None:
        """Keep ``sent``. Above the capacity the oldest are removed, many at a time, since each scan takes
        time.
        """
        self.index.add(key, sent)
        if len(self.index.by_key) > self._capacity:
            for oldest in list(islice(self.index.by_key, self._capacity // 8 + 1)):
                ended_ns = self.index.pop(oldest).at_ns
                self._first_ns = ended_ns if self._first_ns is None else min(ended_ns, self._first_ns)
                self._last_ns = max(ended_ns, self._last_ns)

    def had(self, ended_ns: int) -> bool:
        """Whether a message that ended then in this sender, and is not kept, was kept before. What an earlier
        process ended is older, unless the wall clock was set back: all these instants are Unix time.
        """
        return self._first_ns is not None and self._first_ns <= ended_ns <= self._last_ns


class EarlyReports:
    """Reports without the key that came before the answer to their submit. Only that answer identifies them.

    A report that carries the key is never early: it proves by itself that the provider has the message. One
    that is about no message in flight, such as a repeat, is dropped when all batches that were in flight when
    it came are answered: some batch is always in flight under load. ``newest_batch``: the last one so far.
    """

    __slots__ = ("_batch_of", "_capacity", "by_id", "newest_batch")

    def __init__(self, capacity: int) -> None:
        self.newest_batch = 0
        self.by_id: dict[str, Report] = {}
        self._batch_of: OrderedDict[str, int] = OrderedDict()  # the newest one when the report came
        self._capacity = capacity

    def __len__(self) -> int:
        return len(self.by_id)

    def has_any(self, reports: Iterable[Report]) -> bool:
        """Whether one of ``reports`` is kept."""
        return bool(self.by_id) and any(
            each.key is None and each.provider_id in self.by_id for each in reports
        )

    def keep(self, report: Report) -> bool:
        """Keep ``report`` for the message that will get its provider id. False if there is no room."""
        kept = self.by_id.get(report.provider_id)
        if kept is None:
            if len(self.by_id) >= self._capacity:
                return False
            self._batch_of[report.provider_id] = self.newest_batch
        if kept is None or kept.state is State.SENT:
            self.by_id[report.provider_id] = report
        return True

    def take(self, provider_id: str | None) -> Report | None:
        """The report kept for the message that got ``provider_id``."""
        if provider_id is None or provider_id not in self.by_id:
            return None
        del self._batch_of[provider_id]
        return self.by_id.pop(provider_id)

    def drop_answered(self, oldest: int | None) -> int:
        """Drop the reports that came before the batch ``oldest``, the first one in flight, was submitted: no
        answer to come can identify them. None: no batch is in flight. Returns their number.
        """
        dropped = 0
        while self._batch_of:
            provider_id, newest = next(iter(self._batch_of.items()))
            if oldest is not None and newest >= oldest:
                break
            del self._batch_of[provider_id], self.by_id[provider_id]
            dropped += 1
        return dropped
