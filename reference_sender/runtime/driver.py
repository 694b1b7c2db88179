"""The real-time driver: passes time and events to the dispatcher, and carries out its effects."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence

from reference_sender.clock import now_ns
from reference_sender.dispatch import Dispatcher, DispatchState
from reference_sender.dispatch.values import (
    Change,
    Effect,
    Lane,
    LookUp,
    Message,
    Outcome,
    Recovered,
    Report,
    Result,
    SubmitAttempt,
    SubmitBatch,
)
from reference_sender.routes.client import Route
from reference_sender.runtime.background import Chores
from reference_sender.runtime.commit_queue import RETRY_S, CommitQueue
from reference_sender.store import Existing, Store

log = logging.getLogger(__name__)

_SECOND_NS = 1_000_000_000
# How long an early report may wait for the answer to its submit; less than a provider's time limit.
EARLY_REPORT_S = 5.0
_LAST_COMMIT_S = 5.0
_FAULT = Result(Outcome.UNKNOWN, reason="route_fault")


class Driver:
    """One dispatcher, one store, the routes; all in the event loop's thread but the store's commits.

    A message is stored before it is offered, an attempt before its request goes out, a delivery report before
    it is acknowledged. An attempt that ``foresee`` predicts is stored with its messages, any other attempt
    after them.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        store: Store,
        routes: Mapping[str, Route],
        early_report_s: float = EARLY_REPORT_S,
        chores: Chores | None = None,
        commit_retry_s: float = RETRY_S,
    ) -> None:
        self.chores = chores or Chores()
        self._dispatcher = dispatcher
        self._routes = routes
        self._early_report_s = early_report_s
        self._loop = asyncio.get_running_loop()
        self._submits: set[asyncio.Task[None]] = set()
        self._lookups: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._armed_ns: int | None = None
        self._last_ns = 0
        self._overtaking: set[str] = set()  # provider ids of reports that came with an early one
        self._stopping = False
        self._attempts = 0  # number made so far
        self.commits = CommitQueue(
            store, self._kept, retry_s=commit_retry_s, chores=self.chores, foresee=self._foresee
        )
        self._guarded_advance = self.chores.guarded("dispatcher", self._advance)

    def recover(self, recovered: Iterable[Recovered]) -> None:
        """Continue the unfinished work of an earlier process. Must be the first call."""
        self._perform(self._dispatcher.recover(self._now(), recovered))

    def has_room(self, count: int, lane: Lane) -> bool:
        """Whether ``count`` more messages of ``lane`` fit. Messages that wait for the store are counted."""
        return self._dispatcher.has_room(count + self.commits.waiting, lane)

    def take(self, message: Message) -> asyncio.Future[Existing | None]:
        """Store and send ``message``; resolves as ``CommitQueue.add``."""
        return self.commits.add(message)

    def take_many(self, messages: Sequence[Message]) -> asyncio.Future[Mapping[int, Existing]]:
        """Store and send ``messages``; resolves as ``CommitQueue.add_many``."""
        return self.commits.add_many(messages)

    async def reported(self, reports: Sequence[Report]) -> bool:
        """Take delivery reports. True once all their changes are on disk.

        A report without a key can come before the answer to its submit, which alone identifies the message.
        Its change is then durable only after that answer, so the provider's call waits until then. False if
        that takes too long: the provider must repeat the report.
        """
        before = self._dispatcher.state().early_reports
        self._perform(self._dispatcher.reported(self._now(), reports))
        if self._overtook(reports, before) and self._submits:
            _, unanswered = await asyncio.wait(list(self._submits), timeout=self._early_report_s)
            if unanswered:
                return False
        await self.commits.settled()
        return True

    def _overtook(self, reports: Sequence[Report], before: int) -> bool:
        """Whether the dispatcher keeps one of ``reports`` for a submit that is not yet answered."""
        kept = self._dispatcher.state().early_reports
        if not kept:
            self._overtaking.clear()
            return False
        ids = {report.provider_id for report in reports}
        again = not self._overtaking.isdisjoint(ids)
        if kept > before:
            self._overtaking |= ids
        return again or kept > before

    def state(self) -> DispatchState:
        """The state of the dispatcher."""
        return self._dispatcher.state()

    async def drain(self, limit_s: float) -> None:
        """Stop submitting, wait up to ``limit_s`` for answers to requests in flight, store everything."""
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
        if self._submits:
            _, unanswered = await asyncio.wait(list(self._submits), timeout=limit_s)
            if unanswered:
                said = "%d requests are unanswered; the next start repeats them or looks them up"
                log.warning(said, len(unanswered))
        for task in (*self._submits, *self._lookups):
            task.cancel()
        try:
            async with asyncio.timeout(limit_s + _LAST_COMMIT_S):
                await self.commits.close()
        except TimeoutError:
            log.error(
                "the store did not keep the last changes; their messages are submitted again after a restart"
            )

    def _foresee(self, messages: Sequence[Message]) -> SubmitAttempt | None:
        route = None if self._stopping else self._dispatcher.foresee(self._now(), messages)
        return None if route is None else self._attempt(route, messages)

    def _kept(self, messages: Sequence[Message], foreseen: SubmitAttempt | None) -> None:
        self._perform(self._dispatcher.offer(self._now(), messages), foreseen)

    def _attempt(self, route: str, messages: Sequence[Message]) -> SubmitAttempt:
        self._attempts += 1
        ids = tuple([message.message_id for message in messages])
        return SubmitAttempt(self._attempts, route, self._last_ns, ids)

    def _begin(self, batch: SubmitBatch, foreseen: SubmitAttempt | None) -> bool:
        """Submit ``batch`` as soon as its attempt is durable; True if ``foreseen`` is that attempt."""
        if foreseen is not None and _is_of(foreseen, batch):
            attempt, durable = foreseen, None
        else:
            attempt = self._attempt(batch.route, batch.messages)
            durable = self.commits.attempt(attempt)
        submit = self._loop.create_task(self._submit(batch, attempt.attempt_id, durable))
        self._submits.add(submit)
        submit.add_done_callback(self._submits.discard)
        return durable is None

    async def _submit(
        self, batch: SubmitBatch, attempt_id: int, durable: asyncio.Future[bool] | None
    ) -> None:
        try:
            if durable is not None and not await durable:
                self._perform(self._dispatcher.withdrawn(self._now(), batch.batch_id))
                return
            try:
                found = await self._routes[batch.route].submit(batch.messages)
            except Exception:
                log.exception("route %s failed", batch.route)
                found = [_FAULT] * len(batch.messages)
            effects = self._dispatcher.answered(self._now(), batch.batch_id, found)
            self.commits.ended(attempt_id)
            self._perform(effects)
        except Exception as error:
            self.chores.died("dispatcher", error)

    async def _look_up(self, lookup: LookUp) -> None:
        try:
            try:
                found = await self._routes[lookup.route].look_up(lookup.message, lookup.since_ns)
            except Exception:
                log.exception("a lookup on route %s failed", lookup.route)
                found = None
            self._perform(self._dispatcher.looked_up(self._now(), lookup.message.key, found))
        except Exception as error:
            self.chores.died("dispatcher", error)

    def _advance(self) -> None:
        # Timers have a resolution of a millisecond and may fire early. The dispatcher must not be called
        # early.
        due_ns, self._armed_ns = self._armed_ns, None
        self._last_ns = max(self._last_ns, due_ns or 0)
        self._perform(self._dispatcher.advance(self._now()))

    def _now(self) -> int:
        self._last_ns = max(self._last_ns, now_ns())
        return self._last_ns

    def _perform(self, effects: Sequence[Effect], foreseen: SubmitAttempt | None = None) -> None:
        changes: list[Change] = []
        for effect in effects:
            if isinstance(effect, Change):
                changes.append(effect)
            # A batch that is not submitted because the sender stops stays queued in the store.
            elif self._stopping:
                continue
            elif isinstance(effect, LookUp):
                task = self._loop.create_task(self._look_up(effect))
                self._lookups.add(task)
                task.add_done_callback(self._lookups.discard)
            elif self._begin(effect, foreseen):
                foreseen = None
        if foreseen is not None:  # its messages wait, or are sent in another batch
            self.commits.ended(foreseen.attempt_id)
        if changes:
            self.commits.change(changes)
        self._arm()

    def _arm(self) -> None:
        deadline_ns = self._dispatcher.next_deadline()
        if deadline_ns == self._armed_ns or self._stopping:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._armed_ns = deadline_ns
        if deadline_ns is not None:
            wait_s = max(0, deadline_ns - now_ns()) / _SECOND_NS
            self._timer = self._loop.call_later(wait_s, self._guarded_advance)


def _is_of(attempt: SubmitAttempt, batch: SubmitBatch) -> bool:
    """Whether ``attempt`` has the same messages, in any order, and the same route."""
    if attempt.route != batch.route or len(attempt.message_ids) != len(batch.messages):
        return False
    return {message.message_id for message in batch.messages} == set(attempt.message_ids)
