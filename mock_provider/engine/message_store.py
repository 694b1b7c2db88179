"""Messages by key and by id: for the check of duplicates, status queries and the journal."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from mock_provider.engine.distributions import nanoseconds
from mock_provider.engine.lifecycle import ACCEPT, CLOSED, REFUSED, move
from mock_provider.engine.message import TrackedMessage, journal_row
from mock_provider.engine.snapshot import Changes
from mock_provider.engine.values import JournalRow, Outbound

if TYPE_CHECKING:
    from mock_provider.settings import sections


_MOST_DIGITS = 12  # of the running number of a key that the provider made
GONE_KEPT = 10_000  # forgotten entries before the order is rebuilt


class MessageStore:
    """Messages in the order of their first submit. Above ``remembered_keys`` the oldest are forgotten.

    The counts of a key are kept on its newest message only, so that no call visits all messages of a key: a
    client may send a million messages with one reference. The journal's rows of a key may therefore differ;
    the highest counts are the right ones.
    """

    __slots__ = (
        "_accepted",
        "_account",
        "_closed",
        "_earlier",
        "_forgotten_entries",
        "_forgotten_rows",
        "_hashed_text",
        "_newest",
        "_open_until_ns",
        "_order",
        "_repeated",
        "_settings",
        "_unnamed",
        "_unrecorded",
        "_waiting",
        "_window_ns",
        "by_id",
        "changes",
    )

    def __init__(self, settings: sections.Duplicates, account: str) -> None:
        self.changes: Changes | None = None  # None: nobody keeps them
        self._newest: dict[str, TrackedMessage] = {}
        self._earlier: dict[str, int] = {}  # number of older messages of the key that are remembered
        self.by_id: dict[str, TrackedMessage] = {}  # accepted messages by their provider ids
        self._order: deque[TrackedMessage] = deque()  # each remembered message, once
        # Accepted messages whose row as an open message was not taken.
        self._accepted: deque[TrackedMessage] = deque()
        self._open_until_ns = -1  # rows of open messages were taken up to this time of acceptance
        self._waiting: list[TrackedMessage] = []  # messages whose phone is off, since rows were last taken
        self._closed: list[TrackedMessage] = []  # closed messages whose rows were not taken
        self._repeated: dict[str, None] = {}  # keys whose row must be written again
        self._forgotten_rows: list[JournalRow] = []
        self._forgotten_entries = 0  # entries of _order that ``forget`` has forgotten
        self._hashed_text: tuple[str | None, str] = None, ""
        self._unnamed: OrderedDict[str, int] = OrderedDict()  # least recently used first
        self._unrecorded: OrderedDict[str, int] = OrderedDict()
        self.reconfigure(settings, account)

    def reconfigure(self, settings: sections.Duplicates, account: str) -> None:
        self._settings = settings
        self._account = account
        self._window_ns = nanoseconds(settings.window_s)

    def __len__(self) -> int:
        return len(self._newest)

    @property
    def ids(self) -> int:
        """Messages that can be found by their provider id."""
        return len(self.by_id)

    def see(
        self, outbounds: Sequence[Outbound], protocol: str, now_ns: int
    ) -> tuple[list[TrackedMessage], bool]:
        """Count a submit of each key. Returns the records, and whether every key is new and occurs once."""
        newest, order = self._newest, self._order
        seen: list[TrackedMessage] = []
        all_new = True
        for outbound in outbounds:
            key = outbound.key or self._made_key(outbound)
            message = newest.get(key)
            if message is None:
                # By position, up to the number: a field that is set later takes 36 ns more.
                client_ref, msisdn = outbound.client_ref, outbound.msisdn
                message = newest[key] = TrackedMessage(
                    key, protocol, outbound.segments, now_ns, REFUSED, 1, 0, 0, "", "", client_ref, msisdn
                )
                order.append(message)
            else:
                all_new = False
                message.submits += 1
                if message.row_taken:
                    self._repeated[key] = None
            seen.append(message)
        return seen, all_new

    def knows(self, key: str) -> bool:
        """Whether a submit of this key is remembered."""
        return key in self._newest

    def add_accepted(self, message: TrackedMessage) -> None:
        """Add a message of a new key, which was seen once and accepted."""
        self._newest[message.key] = self.by_id[message.provider_id] = message
        self._order.append(message)
        self._accepted.append(message)

    def see_unrecorded(self, key: str) -> int:
        """Count a request that leaves no row: it only validates, or has no readable number.

        Counts down from -1, so that its draws are never those of a submit that ``see`` counts.
        """
        unrecorded = self._unrecorded
        number = unrecorded[key] = unrecorded.get(key, 0) - 1
        if len(unrecorded) > self._settings.remembered_keys:
            unrecorded.popitem(last=False)
        return number

    def is_duplicate(self, key: str, now_ns: int) -> bool:
        """Whether this key was accepted within the window."""
        message = self._newest.get(key)
        return (
            message is not None and message.accepts > 0 and now_ns - message.t_accepted_ns < self._window_ns
        )

    def accept(self, seen: TrackedMessage, outbound: Outbound, protocol: str, now_ns: int) -> TrackedMessage:
        """The message to fill in: the record of the key, or a new one if the key was accepted before.

        It has what ``see`` notes of a new key: protocol, segments, reference and number of this submit.
        """
        message = seen
        if seen.stage is not REFUSED:
            earlier = self._newest[seen.key]
            message = TrackedMessage(
                earlier.key,
                protocol,
                outbound.segments,
                earlier.t_submitted_ns,
                submits=earlier.submits,
                accepts=earlier.accepts,
                throttled=earlier.throttled,
                client_ref=outbound.client_ref,
                msisdn=outbound.msisdn,
            )
            self._earlier[earlier.key] = self._earlier.get(earlier.key, 0) + 1
            self._newest[earlier.key] = message
            self._order.append(message)
            self._repeated.pop(earlier.key, None)  # the row of the new message will have the counts
        elif seen.submits > 1:  # it may have been refused with other values
            message.protocol, message.segments = protocol, outbound.segments
            message.client_ref, message.msisdn = outbound.client_ref, outbound.msisdn
        move(message, ACCEPT)
        message.accepts += 1
        message.ordinal = message.accepts
        message.t_accepted_ns = now_ns
        self._accepted.append(message)
        return message

    def remembered(self) -> list[TrackedMessage]:
        """The accepted messages, in the order of their first submit."""
        newest, earlier = self._newest, self._earlier
        return [
            each
            for each in self._order
            if each.stage is not REFUSED and (newest.get(each.key) is each or each.key in earlier)
        ]

    def restore(self, message: TrackedMessage) -> None:
        """Remember a message of an earlier engine. Call it in the order of ``remembered``."""
        key = message.key
        if key in self._newest:
            self._earlier[key] = self._earlier.get(key, 0) + 1
        self._newest[key] = message
        self._order.append(message)
        self.by_id[message.provider_id] = message
        if message.stage is not CLOSED:
            self._accepted.append(message)
        base, _, number = key.rpartition("-")
        # So that no key is made twice. A reference of a client that looks like one does no harm.
        if number.isdecimal() and number.isascii() and len(number) <= _MOST_DIGITS:
            self._unnamed[base] = max(self._unnamed.get(base, 0), int(number))

    def find(self, provider_id: str) -> TrackedMessage | None:
        return self.by_id.get(provider_id)

    def newest(self, message: TrackedMessage) -> TrackedMessage:
        """The newest message of the same key, which has the counts of the key."""
        return self._newest.get(message.key, message)

    def wait(self, message: TrackedMessage) -> None:
        """Its phone is off. A row that was taken before does not show it."""
        self._waiting.append(message)

    def close(self, message: TrackedMessage) -> None:
        """The journal row of the message is complete."""
        self._closed.append(message)
        if self.changes is not None:
            self.changes.changed(message)

    def close_all(self, messages: Sequence[TrackedMessage]) -> None:
        self._closed.extend(messages)
        self.changed(messages)

    def changed(self, messages: Iterable[TrackedMessage]) -> None:
        """The next start needs the present state of these messages."""
        if self.changes is not None:
            for message in messages:
                self.changes.changed(message)

    def take_rows(
        self, accepted_until_ns: int | None = None, most_open: int | None = None
    ) -> list[JournalRow]:
        """Rows that became complete since the last call, and earlier rows whose counts changed since.

        Also returns, once, rows of open messages that were accepted by ``accepted_until_ns``, and a second
        time when such a message begins to wait for its phone. None: the messages that were accepted so far
        get no such rows. Of more than ``most_open``, the later calls return the rest.
        """
        rows = self._forgotten_rows
        self._forgotten_rows = []
        earlier, account = self._earlier, self._account
        for message in self._closed:
            message.row_taken = True
            # If the key was accepted once, this is its newest message.
            newest = message if message.key not in earlier else self._newest[message.key]
            rows.append(journal_row(message, newest, account))
        self._closed = []
        if self._repeated:
            for key in self._repeated:
                newest = self._newest[key]
                # The row of an open message will have the counts.
                if newest.row_taken:
                    rows.append(journal_row(newest, newest, account))
            self._repeated = {}
        if accepted_until_ns is None:
            self._accepted.clear()
        else:
            self._add_open(rows, accepted_until_ns, most_open)
        self._waiting.clear()
        return rows

    def _add_open(self, rows: list[JournalRow], accepted_until_ns: int, most_open: int | None) -> None:
        accepted, account = self._accepted, self._account
        for message in self._waiting:
            if message.t_accepted_ns <= self._open_until_ns and not message.row_taken:
                rows.append(journal_row(message, self.newest(message), account))
        left = len(accepted) if most_open is None else most_open
        while left and accepted and accepted[0].t_accepted_ns <= accepted_until_ns:
            message = accepted.popleft()
            if not message.row_taken:
                left -= 1
                rows.append(journal_row(message, self.newest(message), account))
                if message.t_accepted_ns > self._open_until_ns:
                    self._open_until_ns = message.t_accepted_ns

    def close_rows(self) -> list[JournalRow]:
        """``take_rows``, and rows of open messages and of keys that were never accepted."""
        rows = self.take_rows()
        for message in self._order:
            newest = self._newest.get(message.key)
            if message.stage is not CLOSED and newest is not None:  # None: another engine has it
                rows.append(journal_row(message, newest, self._account))
        return rows

    def hand_over(self, messages: Iterable[TrackedMessage]) -> None:
        """Forget messages, accepted once each, that another engine has from now on."""
        self._accepted.clear()
        for message in messages:
            del self._newest[message.key]
            del self.by_id[message.provider_id]
            self._forgotten_entries += 1
        self._shorten_order()

    def trim(self) -> None:
        """Forget the oldest messages above the limit. Call it only between submits."""
        # A message that cannot be forgotten yet moves to the back, so that the next call does not look at it
        # again.
        most = self._settings.remembered_keys
        if len(self._order) <= most:
            return
        looks = 2 * (len(self._order) - most)
        while looks > 0 and len(self._order) > most:
            looks -= 1
            message = self._order.popleft()
            if not self._forget(message):
                self._order.append(message)

    def forget(self, keys: Iterable[str]) -> None:
        """Forget the keys that have one message, whose row is taken. They are not submitted again."""
        newest, earlier, repeated = self._newest, self._earlier, self._repeated
        by_id, changes = self.by_id, self.changes
        for key in keys:
            message = newest.get(key)
            if message is None or not message.row_taken or key in earlier or key in repeated:
                continue
            del newest[key]
            by_id.pop(message.provider_id, None)
            if changes is not None:
                changes.forget(message.provider_id)
            self._forgotten_entries += 1
        self._shorten_order()

    def _shorten_order(self) -> None:
        if self._forgotten_entries > GONE_KEPT and 2 * self._forgotten_entries > len(self._order):
            newest, earlier = self._newest, self._earlier
            kept = [each for each in self._order if newest.get(each.key) is each or each.key in earlier]
            self._order = deque(kept)
            self._forgotten_entries = 0

    def _forget(self, message: TrackedMessage) -> bool:
        """Forget the message if that is possible. Returns whether it was."""
        key = message.key
        if message is not self._newest.get(key):
            if key not in self._earlier:  # ``forget`` has forgotten it
                self._forgotten_entries -= 1
                return True
            if not message.row_taken:
                return False
            self._earlier[key] -= 1
            if not self._earlier[key]:
                del self._earlier[key]
        elif key in self._earlier or not (message.row_taken or message.stage is REFUSED):
            return False
        else:
            if message.stage is REFUSED or key in self._repeated:
                self._repeated.pop(key, None)
                self._forgotten_rows.append(journal_row(message, message, self._account))
            del self._newest[key]
        self.by_id.pop(message.provider_id, None)
        if self.changes is not None:
            self.changes.forget(message.provider_id)
        return True

    def _made_key(self, outbound: Outbound) -> str:
        """A key for a message that has none: its number, the hash of its text, and a running number."""
        text = outbound.text
        if text is not self._hashed_text[0]:  # mostly the same for all messages of a request
            digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
            self._hashed_text = text, digest
        base = f"{outbound.msisdn}-{self._hashed_text[1]}"
        number = self._unnamed[base] = self._unnamed.get(base, 0) + 1
        self._unnamed.move_to_end(base)
        # Its keys are forgotten by then, so no key is made twice.
        if len(self._unnamed) > self._settings.remembered_keys:
            self._unnamed.popitem(last=False)
        return f"{base}-{number}"
