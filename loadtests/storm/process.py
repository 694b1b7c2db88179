"""One process of the sender: a real ``Node`` on a store, from its start to its end by a crash."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from loadtests.storm import features, steps
from loadtests.storm.draws import chance
from loadtests.storm.lanes import LaneWatch
from loadtests.storm.number_counts import NumberCounts
from loadtests.storm.process_interfaces import (
    NO_WAITER,
    Order,
    ProcessWatch,
    ProviderPort,
    SenderSetup,
    StoredAtEnd,
)
from loadtests.storm.purge import PurgePass, RemovedRules
from loadtests.storm.state import StormState
from loadtests.storm.store import ModelStore
from loadtests.storm.submitted import MessageWaiter, SubmittedMessages
from loadtests.storm.tables import Tables
from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.values import (
    AskReport,
    Hedge,
    Lane,
    LookUp,
    Message,
    Recovered,
    Report,
    Result,
    State,
)
from reference_sender.node.effects import Acknowledge, Commit, NodeEffect, Refuse, SubmitNow, Waiter
from reference_sender.node.lookup_results import untaken
from reference_sender.node.node import Node
from reference_sender.policy.recipients import RecipientLimits
from reference_sender.runtime.stored_gate import stored_gate
from reference_sender.store.protocol import Place, Record, StoreError, Work

_COMMIT_NS = 3_000_000
_PAGE = 2  # untried messages that a start reads at a time
_SENT_PAGE = 5
_READ_NS = 500_000_000  # between two pages
_OVERDUE_NS = 2_000_000_000  # a scheduled message that is held for longer after its time is late


class ProcessHost(Protocol):
    """The sender that a process belongs to."""

    setup: SenderSetup
    watch: ProcessWatch[StormProcess]
    providers: Mapping[str, ProviderPort[StormProcess]]
    paused: bool

    def step(self, name: str) -> bool:
        """The process is about to make this step; True if it is killed instead."""


class StormProcess:
    """``offset_ns``: how far its clock is ahead of the world's. It is read once, from the wall clock.
    ``seen_ns``: how far the wall clock was ahead of the world's at the last look.
    """

    def __init__(self, state: StormState, host: ProcessHost, number: int, store: ModelStore) -> None:
        self.number = number
        self.alive = True
        self.stopping = False
        self.offset_ns = self.seen_ns = state.wall_ahead_ns
        self.store = store
        self.dispatcher = Dispatcher(host.setup.settings_of(number), host.setup.limits, state.seed)
        gate = stored_gate(host.setup.policy, store)
        self.node = Node(self.dispatcher, gate=gate)
        self.tables = Tables(self.node) if state.watches_memory else None
        self.next_id = self._last_id = store.identity().last_message_id
        self.counted: dict[str, int] = {}  # attempts that count against the budget, by key
        self.keep_ns = host.setup.keep_ns  # of final messages
        self._numbers = NumberCounts(RecipientLimits(*host.setup.policy.recipient_limits()))
        self.lanes = LaneWatch(host.setup.settings, host.setup.unstopped)
        self.ends: dict[State, set[str]] = {}  # keys by the states that this process wrote
        self._state = state
        self._host = host
        self._commits = 0
        self._running: Commit | None = None
        self._running_ahead_ns = 0  # by which its instants are ahead of the process's clock
        self._commit_due_ns: int | None = None
        self._armed_ns: int | None = None
        self._waiters: dict[Waiter, None] = {}  # in order: a set would change from run to run
        self._submitted = SubmittedMessages()
        self._failed: Work | None = None  # the last commit, if it failed
        self._drained: StoredAtEnd | None = None  # waits for the last answers of a process that stops
        self._deferred: list[Callable[[], None]] = []

    def now_ns(self) -> int:
        """The process's own clock."""
        return self._state.now_ns + self.offset_ns

    @property
    def wall_ns(self) -> int:
        """The wall clock, as far as the process can know."""
        return self._state.now_ns + self.seen_ns

    @property
    def calls(self) -> int:
        """Calls of clients, providers and administrators that wait for an answer."""
        return len(self._waiters) + self.stopping

    def read_wall_clock(self) -> None:
        """As ``runtime/wall_watch.py`` does once a second."""
        self.seen_ns = self._state.wall_ahead_ns
        self._state.occurred("wall_clock_noticed")
        self._perform(self.node.wall_set(self.now_ns(), self.seen_ns - self.offset_ns))
        self._state.later(_OVERDUE_NS, lambda: self.input(self._check_schedules))

    def _check_schedules(self) -> None:
        """Unless the node is behind, as after a pause: the check then follows ``_advance``."""
        is_behind = self._armed_ns is not None and self._armed_ns <= self.now_ns()
        if not (self.stopping or is_behind) and self.seen_ns != self.offset_ns:
            self._host.watch.check_schedules(self, _OVERDUE_NS)

    def recover(self) -> None:
        """Continue the work of the processes before it, as ``runtime/recovery.py`` does."""
        sent = self.store.sent_ids()
        page = self.store.unfinished(_PAGE)
        left = len(self.store.unfinished()) - len(page)
        self._perform(self.node.recover(self.now_ns(), page, left, len(sent)))
        self._read_later(sent, page, left)

    def _read_later(self, sent: Sequence[int], page: Sequence[Recovered], left: int) -> None:
        if sent or left:
            self._state.later(_READ_NS, lambda: self.input(lambda: self._read_on(sent, page, left)))

    def _read_on(self, sent: Sequence[int], page: Sequence[Recovered], left: int) -> None:
        if self.stopping:
            return
        if sent:
            found, sent = self.store.sent(sent[:_SENT_PAGE]), sent[_SENT_PAGE:]
            self._perform(self.node.recover_sent(self.now_ns(), found, len(sent)))
        else:
            last = page[-1].message
            page = self.store.unfinished(_PAGE, Place(last.lane, last.message_id, self._last_id))
            left -= len(page)
            self._perform(self.node.recover(self.now_ns(), page, left))
        self._read_later(sent, page, left)

    def input(self, act: Callable[[], None]) -> None:
        """Something reaches the process: now, or when it is resumed; never, if it is dead."""
        if not self.alive:
            return
        if self._host.paused:
            self._deferred.append(act)
        else:
            act()

    def resume(self) -> None:
        """Catch up with what reached it while it was paused."""
        deferred, self._deferred = self._deferred, []
        for act in deferred:
            if self.alive:
                act()

    def accepts(self, count: int, lane: Lane) -> bool:
        """Whether a client's call of ``count`` messages is taken now."""
        return not (self.stopping or self._host.paused) and self.node.has_room(count, lane)

    def take(self, messages: Sequence[Message], waiter: MessageWaiter, together: bool) -> None:
        """A client's call."""
        self._waiters[waiter] = None
        self._submitted.wait(waiter, messages)
        if together:
            self.node.take_many(messages, waiter)
        else:
            self._numbers.wait(waiter, messages[0])
            self.node.take(messages[0], waiter)
        self._arm()

    def may_get(self, message: Message) -> bool:
        """Whether the number of ``message``, which a client submits alone, may get it. It then counts."""
        if self._numbers.take(self.now_ns(), message):
            return True
        self._state.occurred(features.NUMBER_LIMIT)
        return False

    def purge(self, of_rules: bool) -> None:
        """Remove old final messages, and if ``of_rules`` what is kept of old campaigns."""
        if not self.stopping:
            PurgePass(self._state, self, of_rules).begin()

    def messages_removed(self, gone: Sequence[Record]) -> None:
        """By a step of a purge."""
        self._host.watch.purged(self, gone)

    def rules_removed(self, gone: RemovedRules) -> None:
        """By a step of a purge."""
        self._host.watch.rules_purged(self, gone)

    def rules_forgotten(self) -> None:
        """The process may have forgotten what a purge removed."""
        self._host.watch.check_controls(self)

    def reported(self, reports: Sequence[Report], waiter: Waiter) -> None:
        """A provider's report call."""
        if self._host.step(steps.REPORT):
            waiter.end(False)
            return
        self._waiters[waiter] = None
        self._perform(self.node.reported(self.now_ns(), reports, waiter))

    def answered(
        self, route: str, batch_id: int, messages: Sequence[Message], results: Sequence[Result]
    ) -> None:
        """The answer to a request, or that there is none."""
        if self._host.step(steps.ANSWER):
            return
        self._host.watch.answered(self, route, messages, results)
        effects = self.node.answered(self.now_ns(), batch_id, results)
        if not self._host.step(steps.ANSWERED):
            self._perform(effects)

    def ordered(self, order: Order, waiter: Waiter) -> None:
        """A call of the admin API."""
        self._waiters[waiter] = None
        self._perform(order(self.node, self.now_ns(), waiter))

    def status_found(self, key: str, report: Report | None) -> None:
        """The answer to a status query."""
        self._perform(self.node.status_found(self.now_ns(), key, report))

    def looked_up(self, message: Message, found: Sequence[Report] | None) -> None:
        """The answer to a lookup."""
        found = untaken(self.store, message, found)
        self._perform(self.node.looked_up(self.now_ns(), message.key, found))

    def stop(self, drain_ns: int, ended: Callable[[], None]) -> None:
        """End in order, as ``Driver.drain`` does: submit nothing more, wait for answers up to ``drain_ns``,
        store everything, and call ``ended``.
        """
        self.stopping = True
        self.node.stop()
        self._drained = StoredAtEnd(self, ended)
        self._state.later(drain_ns, lambda: self.input(self._end_drain))
        self._arm()

    def _end_drain(self) -> None:
        """The drain is over: what is not answered by now is left to the next process."""
        if self._drained is not None:
            self.node.requesting = False
            drained, self._drained = self._drained, None
            self.end_when_stored(drained)

    def end_when_stored(self, waiter: StoredAtEnd) -> None:
        """Tell ``waiter`` when everything so far is on disk."""
        self.node.answer_when_stored(waiter)
        self._arm()

    def end(self) -> None:
        """The process ends, with everything on disk."""
        self.alive = False
        self.store.close()
        for waiter in list(self._waiters):
            waiter.end(False)

    def die(self) -> None:
        """The process is killed: a commit in progress is on disk or not, and all that waits is cut off. A
        commit that failed may be on disk too, if no later one followed.
        """
        self.alive = False
        commit = self._running
        if commit is not None and commit.work is not None:
            seed = self._state.seed
            kept = chance(seed, "torn", self.number, self._commits) < 0.5
            if kept:
                try:
                    self.store.commit(commit.work)
                except StoreError:
                    kept = False
            self._state.occurred("torn_commit_kept" if kept else "torn_commit_lost")
            self._state.note(f"the commit in progress is {'' if kept else 'not '}on disk")
        elif self._failed is not None and not self._state.disk.full:
            self.store.commit(self._failed)
            self._state.occurred("failed_commit_kept")
            self._state.note("the commit that failed last is on disk nevertheless")
        self.store.close()
        for waiter in list(self._waiters):
            waiter.end(False)

    def _perform(self, effects: Sequence[NodeEffect]) -> None:
        host = self._host
        for effect in effects:
            if isinstance(effect, SubmitNow | LookUp | AskReport) and not self.node.requesting:
                continue
            if isinstance(effect, SubmitNow):
                if host.step(steps.SUBMIT):
                    return
                host.watch.submitted(self, effect)
                host.providers[effect.route].request(self, effect)
                if host.step(steps.SUBMITTED):
                    return
            elif isinstance(effect, LookUp):
                host.providers[effect.route].look_up(self, effect)
            elif isinstance(effect, AskReport):
                self._state.occurred(features.STATUS_QUERY)
                host.providers[effect.route].ask(self, effect)
            elif isinstance(effect, Hedge):
                self._store_second(effect.message)
            elif not self._answer_waiter(effect):
                return
        if self._drained is not None and not self.node.unanswered:
            self._end_drain()
        self._arm()

    def _store_second(self, message: Message) -> None:
        self._state.occurred(features.HEDGE)
        self._host.watch.hedged(self, message)
        self.next_id += 1
        self.node.take(replace(message, message_id=self.next_id), NO_WAITER)

    def _answer_waiter(self, effect: Acknowledge | Refuse) -> bool:
        """False if the process was killed instead."""
        if self._host.step(steps.ACKNOWLEDGE):
            return False
        waiter = effect.waiter
        self._waiters.pop(waiter, None)
        for message, holder in self._submitted.answered(effect):
            self._host.watch.duplicate(message, holder)
        counted = self._numbers.answered(waiter, isinstance(effect, Acknowledge) and effect.answer is None)
        if counted is not None:
            self._host.watch.counted(self, counted)
        # ``True`` for reports, None or the holders of keys for messages; False: come again.
        waiter.end(isinstance(effect, Acknowledge) and effect.answer is not False)
        return True

    def _arm(self) -> None:
        if not self.alive:
            return
        due_ns = self.node.commit_due_ns()
        if due_ns is not None and (self._commit_due_ns is None or due_ns < self._commit_due_ns):
            self._commit_due_ns = due_ns
            wait_ns = max(0, due_ns - self.now_ns())
            self._state.later(wait_ns, lambda: self.input(lambda: self._begin_commit(due_ns)))
        deadline_ns = self.node.next_deadline()
        if deadline_ns is not None and deadline_ns != self._armed_ns:
            self._armed_ns = deadline_ns
            wait_ns = max(0, deadline_ns - self.now_ns())
            self._state.later(wait_ns, lambda: self.input(lambda: self._advance(deadline_ns)))

    def _advance(self, deadline_ns: int) -> None:
        if deadline_ns == self._armed_ns:
            self._armed_ns = None
            self._perform(self.node.advance(self.now_ns()))
            self._check_schedules()

    def _begin_commit(self, due_ns: int) -> None:
        if due_ns != self._commit_due_ns or self._running is not None:  # it became due earlier
            return
        if self._host.step(steps.COMMIT):
            return
        self._commits += 1
        self._running = self.node.begin_commit(self.now_ns())
        self._running_ahead_ns = self.node.gate.wall.ahead_ns
        self._host.watch.committing(self, self._running)
        self._state.later(self._commit_ns(), lambda: self.input(self._end_commit))

    def _end_commit(self) -> None:
        commit, self._running = self._running, None
        assert commit is not None
        self._commit_due_ns = None
        try:
            taken = {} if commit.work is None else self.store.commit(commit.work)
        except StoreError as error:
            self._state.occurred("disk_full")
            self._failed = commit.work
            self._perform(self.node.commit_failed(self.now_ns(), error))
            return
        self._failed = None
        if commit.work is not None and self._state.commit_error_is_late():
            self._state.occurred("late_commit_error")
            self._state.note("the commit is on disk and reported as failed")
            self._perform(self.node.commit_failed(self.now_ns(), StoreError("no answer to the commit")))
            return
        if not self._host.step(steps.COMMITTED):
            if commit.work is not None:
                self.lanes.offered(self.now_ns(), commit.work, taken, self._running_ahead_ns)
            ended = self.store.ended(commit.late)
            self._perform(self.node.committed(self.now_ns(), taken, ended))
            self._host.watch.check_controls(self)

    def _commit_ns(self) -> int:
        drawn = chance(self._state.seed, "commit", self.number, self._commits)
        slow_s = self._state.slow_commit_s()
        if slow_s:
            self._state.occurred("slow_disk")
            return int(slow_s * 1e9 * (0.5 + drawn))
        return int(_COMMIT_NS * (0.3 + drawn))
