"""The thread that commits: one commit at a time, one callback after each, and the state of the store."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from msgspec import Struct

from reference_sender.alerts.store import WORKS, StoreTrouble
from reference_sender.dispatch.figures import Histogram
from reference_sender.dispatch.values import EndedMessage
from reference_sender.node.effects import Commit
from reference_sender.runtime.background import BackgroundTasks
from reference_sender.runtime.failure_log import FailureLog
from reference_sender.store import Existing, Store, StoreError

log = logging.getLogger(__name__)

TOO_SLOW_S = 5.0  # a disk that needs longer for one commit is too slow
NO_THREAD = "nothing can be stored: restart the sender"
_FRESH_S = 1.0  # for how long the result of a commit counts as the state of the store
_RECENT_S = 1.0  # the period of ``worst_ms``
_NOTHING: Mapping[int, Existing] = {}
_Answer = TypeVar("_Answer")

EndedMessages = Sequence[EndedMessage] | None
Done = Callable[[Mapping[int, Existing], EndedMessages, StoreError | None], None]


class _Step(Struct, frozen=True, eq=False):
    """One step of a purge, and who waits for it."""

    purge: Callable[[], Any]
    waiter: asyncio.Future[Any]


class Committer:
    """The only caller of the store's ``commit``. All methods are for the event loop's thread.

    ``done`` is called once after each commit, with the messages whose key is taken and the ended messages of
    its late reports, or with the error.
    """

    def __init__(self, store: Store, done: Done, background: BackgroundTasks) -> None:
        self._store = store
        self._on_done = done
        self._background = background
        self._loop = asyncio.get_running_loop()
        self.spent = Histogram()
        self.failures = 0
        self._failures = FailureLog(log, "commit failed: %s", "the store")
        self._late_failures = FailureLog(
            log, "late reports cannot be matched: %s", "the match of late reports"
        )
        self.error: StoreError | None = None  # why the last commit failed; None if it did not
        self._checked_s = -_FRESH_S  # when it ended
        self._failed_s: float | None = None  # when the first commit failed of those that failed in a row
        self._recent: deque[tuple[float, float]] = deque()  # (when it ended, how long it took)
        self._began_s: float | None = None  # of the commit that is with the thread
        self._work: SimpleQueue[Commit | _Step | None] = SimpleQueue()
        self._guarded_done = background.guarded("committer", self._done)
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether the committing thread is alive. Without it no request is answered."""
        return self._thread.is_alive()

    def is_fresh(self) -> bool:
        """Whether ``error`` describes the store as it is now."""
        return self._loop.time() - self._checked_s < _FRESH_S

    @property
    def worst_ms(self) -> float:
        """The longest commit of the last second, one that still runs included."""
        now_s = self._loop.time()
        self._forget_before(now_s - _RECENT_S)
        running_s = 0.0 if self._began_s is None else now_s - self._began_s
        return 1000.0 * max(running_s, *(spent_s for _, spent_s in self._recent), 0.0)

    def trouble(self) -> StoreTrouble:
        """Why nothing can be stored, as far as commits have shown it."""
        now_s = self._loop.time()
        running_s = 0.0 if self._began_s is None else now_s - self._began_s
        if not self.is_alive():
            return StoreTrouble(NO_THREAD, now_s - self._checked_s)
        if self.error is not None and self._failed_s is not None:
            return StoreTrouble(str(self.error), now_s - self._failed_s)
        if running_s >= TOO_SLOW_S:
            return StoreTrouble(f"the store has not finished a commit for {TOO_SLOW_S:g} s", running_s)
        return WORKS

    def commit(self, commit: Commit) -> None:
        """Begin ``commit``; the one before it has ended."""
        self._began_s = self._loop.time()
        self._work.put(commit)

    def purge(self, step: Callable[[Store], _Answer]) -> asyncio.Future[_Answer]:
        """Run one step of a purge after the commit in progress. Fails with ``StoreError``."""
        waiter: asyncio.Future[_Answer] = self._loop.create_future()
        self._work.put(_Step(partial(step, self._store), waiter))
        return waiter

    async def close(self) -> None:
        """End the thread after the commit in progress. The store stays open."""
        self._work.put(None)
        await asyncio.to_thread(self._thread.join)

    def _forget_before(self, at_s: float) -> None:
        recent = self._recent
        while recent and recent[0][0] < at_s:
            recent.popleft()

    def _run(self) -> None:
        try:
            self._commit_all()
        except BaseException as error:
            log.exception("the store's thread failed")
            with suppress(RuntimeError):  # the loop has ended too
                self._loop.call_soon_threadsafe(self._background.record_failure, "committer", error)

    def _commit_all(self) -> None:
        while (commit := self._work.get()) is not None:
            if isinstance(commit, _Step):
                self._purge(commit)
                continue
            started = time.monotonic()
            taken, ended, error = _NOTHING, None, None
            try:
                if commit.work is not None:
                    taken = self._store.commit(commit.work)
                elif commit.probe:
                    self._store.probe()
            except StoreError as caught:
                error = caught
            except Exception as caught:  # an unexpected error of the store ends this commit, not the thread
                log.exception("unexpected error of the store")
                error = StoreError(f"{type(caught).__name__}: {caught}")
            if error is None:
                ended = self._ended(commit)
            spent_s = time.monotonic() - started
            try:
                self._loop.call_soon_threadsafe(self._guarded_done, commit, taken, ended, error, spent_s)
            except RuntimeError:  # the loop has ended: the driver did not wait for this commit any longer
                return

    def _ended(self, commit: Commit) -> EndedMessages:
        if not commit.late:
            return ()
        try:
            ended = self._store.ended(commit.late)
        except StoreError as error:
            self._late_failures.failed(self._loop.time(), error)
            return None
        self._late_failures.worked(self._loop.time())
        return ended

    def _purge(self, step: _Step) -> None:
        purged: object
        try:
            purged = step.purge()
        except StoreError as error:
            purged = error
        self._loop.call_soon_threadsafe(_set_result, step.waiter, purged)

    def _done(
        self,
        commit: Commit,
        taken: Mapping[int, Existing],
        ended: EndedMessages,
        error: StoreError | None,
        spent_s: float,
    ) -> None:
        self.spent.add(int(spent_s * 1e9))
        ended_s, self._began_s = self._loop.time(), None
        self._recent.append((ended_s, spent_s))
        self._forget_before(ended_s - _RECENT_S)
        if commit.work is not None or commit.probe:
            self.error, self._checked_s = error, ended_s
            if error is None:
                self._failed_s = None
            elif self._failed_s is None:
                self._failed_s = ended_s - spent_s
        if error is not None:
            self.failures += 1
            self._failures.failed(ended_s, error)
        elif commit.work is not None or commit.probe:
            self._failures.worked(ended_s)
        self._on_done(taken, ended, error)


def _set_result(waiter: asyncio.Future[Any], purged: object) -> None:
    if waiter.done():
        return
    if isinstance(purged, StoreError):
        waiter.set_exception(purged)
    else:
        waiter.set_result(purged)
