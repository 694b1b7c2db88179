"""The real-time driver: passes time and events to the node, and carries out its effects."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from reference_sender.clock import now_ns
from reference_sender.dispatch import Dispatcher, DispatchState
from reference_sender.dispatch.values import (
    NS_PER_S,
    AskReport,
    EndedMessage,
    Hedge,
    Lane,
    LookUp,
    Message,
    Outcome,
    Recovered,
    Report,
    Result,
)
from reference_sender.node.effects import Acknowledge, NodeEffect, Refuse, SubmitNow
from reference_sender.node.lookup_results import untaken
from reference_sender.node.node import Node
from reference_sender.node.node_share import ClaimLimit, NodeShare
from reference_sender.node.rules import ChangingRules
from reference_sender.node.times import DEFAULT_TIMES, NodeTimes
from reference_sender.policy.campaigns import Campaign, CampaignChange
from reference_sender.policy.gate import Gate
from reference_sender.routes.client import Route
from reference_sender.runtime.background import BackgroundTasks
from reference_sender.runtime.committer import NO_THREAD, Committer
from reference_sender.runtime.route_trouble import RouteTrouble
from reference_sender.store import Existing, HandedOver, Renewal, RuleChanges, Store, StoreError
from reference_sender.store.campaign_reports import ReportControl

log = logging.getLogger(__name__)

_LAST_COMMIT_S = 5.0
_CLOSED = "the sender has stopped"
_FAULT = Result(Outcome.UNKNOWN, reason="route_fault")


class Driver:
    """One node, one store, the routes; all in the event loop's thread but the store's commits."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        store: Store,
        routes: Mapping[str, Route],
        times: NodeTimes = DEFAULT_TIMES,
        background: BackgroundTasks | None = None,
        gate: Gate | None = None,
        new_id: Callable[[], int] | None = None,
    ) -> None:
        """``new_id`` gives the ids of second messages; only a dispatcher that hedges needs it."""
        self.background = background or BackgroundTasks()
        self.node_share: NodeShare | None = None
        self._new_id = new_id
        self._node = Node(dispatcher, times, gate)
        self.campaigns = dispatcher.campaigns  # only to be read by others, as ``tickets``
        self.tickets = dispatcher.tickets
        if (spending := self._node.gate.spending) is not None:
            self.campaigns.price_by(spending.prices.cost, spending.prices.lowest)
        self._routes = routes
        self._store = store
        self._trouble = RouteTrouble(alone=len(routes) == 1)
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()  # requests to providers
        self._timer: asyncio.TimerHandle | None = None
        self._armed_ns: int | None = None
        self._last_ns = 0
        self._stopping = False
        self._closed = False
        self._all_answered = asyncio.Event()  # set only once the sender stops
        self._commit_scheduled = False  # the start of the next commit
        self.commits = Committer(store, self._committed, self.background)
        self._guarded_advance = self.background.guarded("dispatcher", self._advance)
        self._guarded_begin = self.background.guarded("committer", self._begin_commit)

    @property
    def waiting(self) -> int:
        """Messages on their way to the store."""
        return self._node.waiting

    def recover(self, recovered: Sequence[Recovered], unread: int = 0, sent: int = 0) -> None:
        """As ``Node.recover``."""
        self._perform(self._node.recover(self._now(), recovered, unread, sent))

    def recover_sent(self, page: Sequence[Recovered], left: int = 0) -> None:
        """As ``Node.recover_sent``."""
        self._perform(self._node.recover_sent(self._now(), page, left))

    def join(self, node_share: NodeShare) -> None:
        """As ``Node.join``. A ``NodeMembership`` calls it and keeps the node_share."""
        self.node_share = node_share
        self._node.join(node_share)

    def renewed(self, until_ns: int, renewal: Renewal) -> None:
        """As ``Node.renewed``."""
        self._perform(self._node.renewed(self._now(), until_ns, renewal))

    def learning(self) -> None:
        """The node begins to read the rule changes in the store."""
        self._node.rules.begin_learning()

    def learned(self, changes: RuleChanges) -> None:
        """As ``Node.learned``."""
        self._perform(self._node.learned(self._now(), changes))

    def wall_set(self, ahead_ns: int) -> None:
        """As ``Node.wall_set``."""
        self._perform(self._node.wall_set(self._now(), ahead_ns))

    def wants(self) -> ClaimLimit | None:
        """As ``Node.wants``; None once the sender stops."""
        return None if self._stopping else self._node.wants(self._now())

    def give_back(self) -> None:
        """As ``Node.give_back``."""
        self._perform(self._node.give_back(self._now()))

    def handed_over(self, reports: Sequence[HandedOver]) -> None:
        """As ``Node.handed_over``."""
        self._perform(self._node.handed_over(self._now(), reports))

    def has_room(self, count: int, lane: Lane) -> bool:
        """As ``Node.has_room``."""
        return self._node.has_room(count, lane)

    def take(self, message: Message) -> asyncio.Future[Existing | None]:
        """Store and send ``message``. Resolves when it is on disk, to None, or to the message that has its
        key already; fails with ``StoreError``."""
        waiter = self._waiter()
        if not self._closed:
            self._node.take(message, waiter)
            self._schedule_commit()
        return waiter

    def take_many(self, messages: Sequence[Message]) -> asyncio.Future[Mapping[int, Existing]]:
        """Store and send ``messages``. Resolves as ``Store.commit`` answers; fails with ``StoreError``."""
        waiter = self._waiter()
        if not self._closed:
            self._node.take_many(messages, waiter)
            self._schedule_commit()
        return waiter

    @property
    def gate(self) -> Gate:
        """The rules, to be read."""
        return self._node.gate

    @property
    def rules(self) -> ChangingRules:
        """The rules, for ``RulePurging``."""
        return self._node.rules

    def forget(self, asked: Sequence[Campaign], day: int) -> None:
        """As ``ChangingRules.forget``."""
        self._node.rules.forget(asked, day)
        self._perform(())

    def change_campaign(self, change: CampaignChange) -> asyncio.Future[None]:
        """As ``Node.change_campaign``. Resolves when the change is on disk."""
        waiter = self._waiter()
        if not self._closed:
            self._perform(self._node.change_campaign(self._now(), change, waiter))
        return waiter

    def opt_out(self, numbers: Sequence[str]) -> asyncio.Future[None]:
        """As ``Node.opt_out``. Resolves when the list is on disk."""
        waiter = self._waiter()
        if not self._closed:
            self._perform(self._node.opt_out(self._now(), numbers, waiter))
        return waiter

    def opt_in(self, numbers: Sequence[str]) -> asyncio.Future[None]:
        """As ``ChangingRules.opt_in``. Resolves when that is on disk."""
        waiter = self._waiter()
        if not self._closed:
            self._node.rules.opt_in(numbers, waiter)
            self._schedule_commit()
        return waiter

    def keep(self, controls: Sequence[ReportControl]) -> asyncio.Future[None]:
        """As ``ChangingRules.keep``. Resolves when they are on disk."""
        waiter = self._waiter()
        if not self._closed:
            self._node.rules.keep(controls, waiter)
            self._schedule_commit()
        return waiter

    async def reported(self, reports: Sequence[Report]) -> bool:
        """Take delivery reports; True once all they change is on disk, False if they must come again."""
        waiter = self._waiter()
        if not self._closed:
            self._perform(self._node.reported(self._now(), reports, waiter))
        return bool(await waiter)

    def all_stored(self) -> asyncio.Future[None]:
        """Resolves when everything handed over before this call is on disk; fails, with ``StoreError``, only
        after ``drain``."""
        waiter = self._waiter()
        if not self._closed:
            self._node.answer_when_stored(waiter)
            self._schedule_commit()
        return waiter

    async def check(self) -> None:
        """Raises ``StoreError`` unless a message can be stored now. Uses the result of a recent commit, or
        tests the store."""
        if not self.commits.is_alive():
            raise StoreError(NO_THREAD)
        if self.commits.is_fresh():
            if self.commits.error is not None:
                raise self.commits.error
            return
        waiter = self._waiter()
        if not self._closed:
            self._node.probe(waiter)
            self._schedule_commit()
        await waiter

    def state(self) -> DispatchState:
        """The state of the node now."""
        return self._node.state(self._now())

    async def drain(self, limit_s: float) -> bool:
        """Stop submitting, wait up to ``limit_s`` for answers to requests in flight, store everything. False:
        the store did not keep the last changes.
        """
        self._stopping = True
        self._node.stop()
        if self._timer is not None:
            self._timer.cancel()
        if self._node.unanswered:
            try:
                async with asyncio.timeout(limit_s):
                    await self._all_answered.wait()
            except TimeoutError:
                text = "%d requests are unanswered; the next start repeats them or looks them up"
                log.warning(text, self._node.unanswered)
        self._node.requesting = False
        for task in self._tasks:
            task.cancel()
        try:
            async with asyncio.timeout(limit_s + _LAST_COMMIT_S):
                await self.close()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Write the waiting work, then end the thread. The store stays open; no more work is accepted."""
        await self.all_stored()
        await self.all_stored()  # what followed from the previous commit, such as the end of an attempt
        self._closed = True
        await self.commits.close()

    def _waiter(self) -> asyncio.Future[Any]:
        waiter: asyncio.Future[Any] = self._loop.create_future()
        if self._closed:
            waiter.set_exception(StoreError(_CLOSED))
        return waiter

    def _schedule_commit(self) -> None:
        if self._commit_scheduled:
            return
        due_ns = self._node.commit_due_ns()
        if due_ns is None:  # nothing to write, or a commit is with the thread
            return
        self._commit_scheduled = True
        wait_ns = due_ns - now_ns()
        if wait_ns > 0:
            # Rounded up: uvloop rounds to a millisecond, and would call at once for less than half of one.
            wait_ms = -(-wait_ns // 1_000_000)
            self._loop.call_later(wait_ms / 1000, self._guarded_begin, due_ns)
        else:
            # At the end of this turn of the loop, so that the requests of one turn share a commit.
            self._loop.call_soon(self._guarded_begin, due_ns)

    def _begin_commit(self, due_ns: int) -> None:
        self._commit_scheduled = False
        if due_ns > now_ns():  # a timer counts from the beginning of a turn of the loop
            self._schedule_commit()
        else:
            self.commits.commit(self._node.begin_commit(self._now()))

    def _committed(
        self, taken: Mapping[int, Existing], ended: Sequence[EndedMessage] | None, error: StoreError | None
    ) -> None:
        if error is None:
            self._perform(self._node.committed(self._now(), taken, ended))
        else:
            self._perform(self._node.commit_failed(self._now(), error))

    async def _submit(self, submit: SubmitNow) -> None:
        try:
            try:
                found = await self._routes[submit.route].submit(submit.messages)
            except Exception:
                log.exception("route %s failed", submit.route)
                found = [_FAULT] * len(submit.messages)
            answered_ns = self._now()
            self._trouble.answered(answered_ns, submit.route, found)
            self._perform(self._node.answered(answered_ns, submit.batch_id, found))
        except Exception as error:
            self.background.record_failure("dispatcher", error)

    async def _look_up(self, lookup: LookUp) -> None:
        try:
            try:
                found = await self._routes[lookup.route].look_up(lookup.message, lookup.since_ns)
                if found:
                    found = await asyncio.to_thread(untaken, self._store, lookup.message, found)
            except Exception:
                log.exception("a lookup on route %s failed", lookup.route)
                found = None
            self._perform(self._node.looked_up(self._now(), lookup.message.key, found))
        except Exception as error:
            self.background.record_failure("dispatcher", error)

    async def _ask_report(self, asked: AskReport) -> None:
        try:
            try:
                found = await self._routes[asked.route].ask_report(asked.provider_id, asked.key)
            except Exception:
                log.exception("a status query on route %s failed", asked.route)
                found = None
            self._perform(self._node.status_found(self._now(), asked.key, found))
        except Exception as error:
            self.background.record_failure("dispatcher", error)

    def _advance(self) -> None:
        # Timers have a resolution of a millisecond and may fire early. The node must not be called early.
        due_ns, self._armed_ns = self._armed_ns, None
        self._last_ns = max(self._last_ns, due_ns or 0)
        self._perform(self._node.advance(self._now()))

    def _now(self) -> int:
        self._last_ns = max(self._last_ns, now_ns())
        return self._last_ns

    def _perform(self, effects: Sequence[NodeEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Acknowledge):
                if not effect.waiter.done():
                    effect.waiter.set_result(effect.answer)
            elif isinstance(effect, Refuse):
                if not effect.waiter.done():
                    effect.waiter.set_exception(effect.error)
            elif isinstance(effect, Hedge):
                self._store_second(effect.message)
            elif self._node.requesting:
                self._ask(self._request(effect))
        if self._stopping and not self._node.unanswered:
            self._all_answered.set()
        self._schedule_commit()
        self._arm()

    def _request(self, effect: SubmitNow | LookUp | AskReport) -> Coroutine[Any, Any, None]:
        if isinstance(effect, SubmitNow):
            return self._submit(effect)
        return self._look_up(effect) if isinstance(effect, LookUp) else self._ask_report(effect)

    def _store_second(self, message: Message) -> None:
        if self._closed:
            return
        assert self._new_id is not None
        stored = self._loop.create_future()
        # A second message that cannot be stored is not sent. The first one is not affected.
        stored.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._node.take(replace(message, message_id=self._new_id()), stored)

    def _ask(self, request: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(request)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _arm(self) -> None:
        deadline_ns = self._node.next_deadline()
        if deadline_ns == self._armed_ns or self._stopping:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._armed_ns = deadline_ns
        if deadline_ns is not None:
            wait_s = max(0, deadline_ns - now_ns()) / NS_PER_S
            self._timer = self._loop.call_later(wait_s, self._guarded_advance)
