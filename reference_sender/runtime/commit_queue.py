"""Group commit: all waiting work is stored in one transaction, by one thread, with one callback.

A commit costs a disk flush, independent of its size, so messages that arrive during a commit share the next
one. A message or a report is answered only after its commit.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from queue import SimpleQueue

from reference_sender.dispatch.values import Change, Message, SubmitAttempt
from reference_sender.runtime.background import Chores
from reference_sender.store import Existing, Store, StoreError, Work

log = logging.getLogger(__name__)

RETRY_S = 1.0
_FRESH_S = 1.0  # for how long the result of a commit counts as the state of the store
_RECENT_S = 1.0  # the period of ``worst_ms``
_CLOSED = "the sender has stopped"
_NOTHING: Mapping[int, Existing] = {}

Kept = Callable[[Sequence[Message], SubmitAttempt | None], None]
Foresee = Callable[[Sequence[Message]], SubmitAttempt | None]


class _Group:
    """The content of one transaction, and the futures that wait for it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.changes: list[Change] = []
        self.attempts: list[tuple[SubmitAttempt, asyncio.Future[bool]]] = []
        self.foreseen: SubmitAttempt | None = None  # of the group's own messages
        self.ended: list[int] = []
        self.singles: list[tuple[int, asyncio.Future[Existing | None]]] = []
        self.many: list[asyncio.Future[Mapping[int, Existing]]] = []
        self.changed: list[asyncio.Future[None]] = []
        self.probes: list[asyncio.Future[None]] = []

    def __bool__(self) -> bool:
        return bool(self.has_work() or self.changed or self.probes)

    def has_work(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.messages or self.changes or self.attempts or self.ended)

    def work(self) -> Work:
        attempts = [attempt for attempt, _ in self.attempts]
        if self.foreseen is not None:
            attempts.append(self.foreseen)
        return Work(self.messages, self.changes, attempts, self.ended)


def _foresees_nothing(_: Sequence[Message]) -> SubmitAttempt | None:
    return None


class CommitQueue:
    """The only caller of the store's ``commit``. All methods are for the event loop's thread.

    ``foresee`` is called with the messages of a commit before it begins. The attempt it returns, if any,
    becomes durable with them, so messages that can go out at once need one commit and not two. ``kept`` is
    called once per commit with the messages that are now durable and that attempt, before those who wait for
    them resume; it must call ``ended`` for an attempt that it does not make. Commits begin at intervals of at
    least ``linger_s``, which makes groups large enough under load.
    """

    def __init__(
        self,
        store: Store,
        kept: Kept,
        linger_s: float = 0.002,
        retry_s: float = RETRY_S,
        chores: Chores | None = None,
        foresee: Foresee = _foresees_nothing,
    ) -> None:
        self._store = store
        self._chores = chores or Chores()
        self._kept = kept
        self._foresee = foresee
        self._linger_s = linger_s
        self._retry_s = retry_s
        self._loop = asyncio.get_running_loop()
        self._group = _Group()
        self._busy = False  # a group is with the thread, or its start is scheduled
        self._closed = False
        self._not_before = 0.0
        self._error: StoreError | None = None  # of the last commit
        self._said_s = -_FRESH_S  # when it ended
        self.waiting = 0  # messages accepted and not yet given to ``kept``
        self.commits = 0
        self.commit_seconds = 0.0
        self._recent: deque[tuple[float, float]] = deque()  # (when it ended, how long it took)
        self._began_s: float | None = None  # of the commit that is with the thread
        self.failures = 0
        self._work: SimpleQueue[_Group | None] = SimpleQueue()
        self._guarded_start = self._chores.guarded("committer", self._start)
        self._guarded_done = self._chores.guarded("committer", self._done)
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether the committing thread is alive. Without it no request is answered."""
        return self._thread.is_alive()

    @property
    def error(self) -> StoreError | None:
        """Why the last commit failed; None if it did not."""
        return self._error

    @property
    def pause_s(self) -> float:
        """The delay before the next commit: after a failure, and between two commits."""
        return max(0.0, self._not_before - self._loop.time())

    @property
    def worst_ms(self) -> float:
        """The longest commit of the last second, one that still runs included."""
        now_s = self._loop.time()
        self._forget_before(now_s - _RECENT_S)
        running_s = 0.0 if self._began_s is None else now_s - self._began_s
        return 1000.0 * max(running_s, *(spent_s for _, spent_s in self._recent), 0.0)

    def _forget_before(self, at_s: float) -> None:
        recent = self._recent
        while recent and recent[0][0] < at_s:
            recent.popleft()

    def add(self, message: Message) -> asyncio.Future[Existing | None]:
        """Store one message. When it is on disk, resolves to None, or to the message that has its key
        already; fails with ``StoreError``.
        """
        future: asyncio.Future[Existing | None] = self._loop.create_future()
        if self._closed:
            future.set_exception(StoreError(_CLOSED))
            return future
        group = self._group
        group.messages.append(message)
        group.singles.append((message.message_id, future))
        self.waiting += 1
        if not self._busy:
            self._schedule()
        return future

    def add_many(self, messages: Sequence[Message]) -> asyncio.Future[Mapping[int, Existing]]:
        """Store these messages. Resolves to the result of ``Store.commit``; fails with ``StoreError``."""
        future: asyncio.Future[Mapping[int, Existing]] = self._loop.create_future()
        if self._closed:
            future.set_exception(StoreError(_CLOSED))
            return future
        self._group.messages.extend(messages)
        self._group.many.append(future)
        self.waiting += len(messages)
        if not self._busy:
            self._schedule()
        return future

    def change(self, changes: Iterable[Change]) -> None:
        """Make these changes durable soon. A failed commit is repeated until the store keeps them."""
        self._group.changes.extend(changes)
        if not self._busy:
            self._schedule()

    def attempt(self, attempt: SubmitAttempt) -> asyncio.Future[bool]:
        """Make ``attempt`` durable. Resolves to True when its request may be sent; to False if the store
        failed or is closed, and the batch must be returned."""
        future: asyncio.Future[bool] = self._loop.create_future()
        if self._closed:
            future.set_result(False)
            return future
        self._group.attempts.append((attempt, future))
        if not self._busy:
            self._schedule()
        return future

    def ended(self, attempt_id: int) -> None:
        """The attempt has ended. Call it in the same turn of the loop as its changes, so that one transaction
        has both.
        """
        self._group.ended.append(attempt_id)
        if not self._busy:
            self._schedule()

    async def check(self) -> None:
        """Raises ``StoreError`` unless a message can be stored now. Uses the result of a recent commit, or
        tests the store."""
        if not self.is_alive():
            raise StoreError("nothing can be stored: restart the sender")
        if self._loop.time() - self._said_s < _FRESH_S:
            if self._error is not None:
                raise self._error
            return
        future: asyncio.Future[None] = self._loop.create_future()
        if self._closed:
            raise StoreError(_CLOSED)
        self._group.probes.append(future)
        if not self._busy:
            self._schedule()
        await future

    def settled(self) -> asyncio.Future[None]:
        """Resolves when everything handed over before this call is on disk; fails, with ``StoreError``, only
        after ``close``."""
        future: asyncio.Future[None] = self._loop.create_future()
        if self._closed:
            future.set_exception(StoreError(_CLOSED))
            return future
        self._group.changed.append(future)
        if not self._busy:
            self._schedule()
        return future

    async def close(self) -> None:
        """Write the waiting work, then end the thread. The store stays open; no more work is accepted."""
        await self.settled()
        self._closed = True
        self._work.put(None)
        await asyncio.to_thread(self._thread.join)

    def _schedule(self) -> None:
        self._busy = True
        delay_s = self._not_before - self._loop.time()
        if delay_s > 0:
            self._loop.call_later(delay_s, self._guarded_start)
        else:
            # At the end of this turn of the loop, so that the requests of one turn share a commit.
            self._loop.call_soon(self._guarded_start)

    def _start(self) -> None:
        group, self._group = self._group, _Group()
        if group.messages:
            group.foreseen = self._foresee(group.messages)
        self._began_s = self._loop.time()
        self._not_before = self._began_s + self._linger_s
        self._work.put(group)

    def _run(self) -> None:
        try:
            self._commit_groups()
        except BaseException as error:
            log.exception("the store's thread failed")
            with suppress(RuntimeError):  # the loop has ended too
                self._loop.call_soon_threadsafe(self._chores.died, "committer", error)

    def _commit_groups(self) -> None:
        while (group := self._work.get()) is not None:
            started = time.monotonic()
            taken, error = _NOTHING, None
            try:
                if group.has_work():
                    taken = self._store.commit(group.work())
                elif group.probes:
                    self._store.probe()
            except StoreError as caught:
                error = caught
            except Exception as caught:  # an unexpected error of the store ends this group, not the thread
                log.exception("unexpected error of the store")
                error = StoreError(f"{type(caught).__name__}: {caught}")
            spent_s = time.monotonic() - started
            self._loop.call_soon_threadsafe(self._guarded_done, group, taken, error, spent_s)

    def _done(
        self, group: _Group, taken: Mapping[int, Existing], error: StoreError | None, spent_s: float
    ) -> None:
        self.commits += 1
        self.commit_seconds += spent_s
        ended_s, self._began_s = self._loop.time(), None
        self._recent.append((ended_s, spent_s))
        self._forget_before(ended_s - _RECENT_S)
        self.waiting -= len(group.messages)
        if group.has_work() or group.probes:
            self._error, self._said_s = error, self._loop.time()
        if error is None:
            self._resolve(group, taken)
        else:
            self._refuse(group, error)
        if self._group:
            self._schedule()
        else:
            self._busy = False

    def _resolve(self, group: _Group, taken: Mapping[int, Existing]) -> None:
        messages = group.messages
        if taken:
            messages = [message for message in messages if message.message_id not in taken]
        if messages or group.foreseen is not None:
            self._kept(messages, group.foreseen)
        for message_id, single in group.singles:
            if not single.done():
                single.set_result(taken.get(message_id))
        for many in group.many:
            if not many.done():
                many.set_result(taken)
        for _, begun in group.attempts:
            if not begun.done():
                begun.set_result(True)
        for waiter in (*group.changed, *group.probes):
            if not waiter.done():
                waiter.set_result(None)

    def _refuse(self, group: _Group, error: StoreError) -> None:
        """A commit failed: refuse its messages and its attempts. Keep its changes, which have happened,
        ahead of later ones."""
        self.failures += 1
        log.error("commit failed: %s", error)
        for _, single in group.singles:
            if not single.done():
                single.set_exception(error)
        for many in group.many:
            if not many.done():
                many.set_exception(error)
        for probe in group.probes:
            if not probe.done():
                probe.set_exception(error)
        for _, begun in group.attempts:
            if not begun.done():
                begun.set_result(False)
        # A commit that failed during its write may be on disk nevertheless.
        self._group.ended[:0] = [*group.ended, *(attempt.attempt_id for attempt in group.work().attempts)]
        self._group.changes[:0] = group.changes
        self._group.changed[:0] = [waiter for waiter in group.changed if not waiter.done()]
        self._not_before = self._loop.time() + self._retry_s
