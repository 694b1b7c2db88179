"""One node: a dispatcher and its group commit, in the order that loses and duplicates no message.

A message is stored before it is offered, an attempt before its request goes out, a delivery report before it
is acknowledged. An attempt that ``predict_route`` predicts is stored with its messages, any
other attempt after them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import msgspec

from reference_sender.dispatch import Dispatcher, DispatchState
from reference_sender.dispatch.values import (
    AskReport,
    Change,
    Effect,
    EndedMessage,
    Hedge,
    Lane,
    LookUp,
    Message,
    Recovered,
    Report,
    Result,
    SetAside,
    SubmitAttempt,
    SubmitBatch,
)
from reference_sender.node.commits import Commits, EndedReports, Group, is_attempt_of
from reference_sender.node.effects import Acknowledge, Commit, NodeEffect, Refuse, SubmitNow, Waiter
from reference_sender.node.giving_back import give_back
from reference_sender.node.node_share import ClaimLimit, NodeShare
from reference_sender.node.report_calls import ReportCalls
from reference_sender.node.rules import ChangingRules
from reference_sender.node.stored_times import ended_here
from reference_sender.node.takeover import Takeover
from reference_sender.node.times import DEFAULT_TIMES, NodeTimes
from reference_sender.node.unread_sent import UnreadSent
from reference_sender.node.unsent import without_unsent
from reference_sender.policy.campaigns import CampaignChange, CampaignState
from reference_sender.policy.gate import Gate, open_gate
from reference_sender.store.protocol import Existing, HandedOver, Renewal, RuleChanges, StoreError


class Node:
    """Times never go back, as for the dispatcher. After each call the driver carries out the effects, asks
    ``next_deadline`` when to call ``advance``, and ``commit_due_ns`` when to call ``begin_commit``.
    """

    def __init__(
        self, dispatcher: Dispatcher, times: NodeTimes = DEFAULT_TIMES, gate: Gate | None = None
    ) -> None:
        self._dispatcher = dispatcher
        self._node_share: NodeShare | None = None  # None: no other node uses the store
        self.gate = open_gate() if gate is None else gate  # only to be read by others
        dispatcher.bar(self.gate.bars)
        self._commits = Commits(times.linger_ns, times.retry_ns, self.gate.wall)
        self._reports = ReportCalls(dispatcher, self._commits, times.early_report_ns)
        self.rules = ChangingRules(self.gate, self._commits)
        self._unanswered: dict[int, int] = {}  # attempts by batch: not durable yet, or their request is out
        self._attempts = 0  # number made so far
        self._stopping = False
        self.requesting = True  # the driver sets it to False: requests that could go out wait for a start
        self._sent = UnreadSent(times.early_report_ns)
        self._takeover = Takeover(dispatcher, self.gate, self.rules, self._sent)

    @property
    def waiting(self) -> int:
        """Messages on their way to the store."""
        return self._commits.waiting

    @property
    def unanswered(self) -> int:
        """Batches without an answer."""
        return len(self._unanswered)

    @property
    def early_calls(self) -> int:
        """Report calls that wait for the answer to a submit."""
        return len(self._reports)

    def has_room(self, count: int, lane: Lane) -> bool:
        """Whether ``count`` more messages of ``lane`` fit. Those on their way, or without a node, count."""
        unclaimed = self._takeover.waiting if self._node_share is None else self._node_share.unclaimed
        waiting = self._commits.waiting + self.gate.held_messages + unclaimed
        return self._dispatcher.has_room(count + waiting, lane)

    def state(self, now_ns: int) -> DispatchState:
        """The dispatcher's state as of ``now_ns``, with the numbers of messages held and not read yet. What
        waits for the commit of its attempt is queued, and not in flight.
        """
        state, held, left = self._dispatcher.state(now_ns), self.gate.held_messages, self._takeover
        state = msgspec.structs.replace(state, held=held, unread=left.unread, untried=left.waiting)
        return without_unsent(state, self._commits.unsent(), self._dispatcher.tickets)

    def stop(self) -> None:
        """Submit nothing more. Answers, reports and commits are still taken."""
        self._stopping = True
        for waiter, _ in self._sent.take_calls():
            self._commits.answer_when_stored(waiter, False)

    def recover(
        self, now_ns: int, recovered: Sequence[Recovered], unread: int = 0, sent: int = 0
    ) -> list[NodeEffect]:
        """Continue the unfinished work of an earlier process, or of another node. ``unread`` messages that
        were never tried are left in the store for later calls, and ``sent`` ones for ``recover_sent``.
        """
        return self._perform(now_ns, self._takeover.recover(now_ns, recovered, unread, sent))

    def recover_sent(self, now_ns: int, page: Sequence[Recovered], left: int = 0) -> list[NodeEffect]:
        """Await the reports of ``page``, in the order of sending. After the last page do what waited."""
        done = self._perform(now_ns, self._takeover.recover_sent(now_ns, page, left))
        if not left:
            done += () if self._stopping else self._sent.take_lookups()
            for waiter, reports in self._sent.take_calls():
                done += self.reported(now_ns, reports, waiter)
        return done

    def change_campaign(self, now_ns: int, change: CampaignChange, waiter: Waiter) -> list[NodeEffect]:
        """Change the controls of a campaign. The waiter gets None when that is durable.

        Of a paused campaign the waiting messages are held, of a cancelled one they end. Messages that a
        provider may have continue.
        """
        campaign = self.rules.change_campaign(now_ns, change)
        self._commits.answer_when_stored(waiter)
        is_running = campaign.state is CampaignState.RUNNING
        return [] if is_running else self._perform(now_ns, self._dispatcher.set_aside(now_ns))

    def wall_set(self, now_ns: int, ahead_ns: int) -> list[NodeEffect]:
        """The wall clock was set: it is ``ahead_ns`` ahead of the node's clock from now on."""
        by_ns = self.gate.set_wall(now_ns, ahead_ns)
        after = partial(self.gate.after_step, now_ns, by_ns)
        return self._perform(now_ns, self._dispatcher.set_wall(now_ns, ahead_ns, after))

    def opt_out(self, now_ns: int, numbers: Iterable[str], waiter: Waiter) -> list[NodeEffect]:
        """Put ``numbers`` on the opt-out list; their messages end. The waiter gets None when it is kept."""
        self.rules.opt_out(now_ns, numbers)
        self._commits.answer_when_stored(waiter)
        return self._perform(now_ns, self._dispatcher.set_aside(now_ns))

    def learned(self, now_ns: int, changes: RuleChanges) -> list[NodeEffect]:
        """Apply the changes read since ``rules.begin_learning``. Messages that they stop are held or end."""
        bars = self.rules.learn(now_ns, changes)
        return self._perform(now_ns, self._dispatcher.set_aside(now_ns)) if bars else []

    def join(self, node_share: NodeShare) -> None:
        """Be one of several nodes of the store. The first call: nothing is submitted before ``renewed``."""
        self._node_share = node_share
        self.rules.join()
        self._reports.alone = False
        self._dispatcher.divide(0, node_share.share)

    def renewed(self, now_ns: int, until_ns: int, renewal: Renewal) -> list[NodeEffect]:
        """The lease is in force until ``until_ns``."""
        self._dispatcher.totals.repeated_reports += renewal.repeated_reports
        self._dispatcher.totals.orphan_reports += renewal.orphan_reports
        node_share = self._node_share
        if node_share is None or not node_share.renewed(until_ns, renewal):
            return []
        return self._perform(now_ns, self._dispatcher.divide(now_ns, node_share.share))

    def wants(self, now_ns: int) -> ClaimLimit | None:
        """As ``NodeShare.wants``, of messages without an owner. None while some are given back: the commit
        may have to be repeated, which would take them from this node again.
        """
        if self._node_share is None or self._commits.gives_back:
            return None
        return self._node_share.wants(now_ns, self._dispatcher)

    def give_back(self, now_ns: int) -> list[NodeEffect]:
        """Leave messages that wait here to the other nodes, if this one stops or all its routes fail. Call it
        while no claim is in progress.
        """
        node_share = self._node_share
        if node_share is None or self._commits.gives_back:
            return []
        most = node_share.to_give_back(now_ns, self._dispatcher, self._stopping)
        if not most:
            return []
        count, effects = give_back(now_ns, most, self._dispatcher, self._commits)
        node_share.unclaimed += count
        return self._perform(now_ns, effects)

    def handed_over(self, now_ns: int, reports: Sequence[HandedOver]) -> list[NodeEffect]:
        """Take delivery reports that other nodes took for messages of this one."""
        return self._perform(now_ns, self._reports.take_handed_over(now_ns, reports))

    def take(self, message: Message, waiter: Waiter) -> None:
        """Store and send ``message``. The waiter gets None, or the message that has its key already."""
        self._commits.add(message, waiter)

    def take_many(self, messages: Sequence[Message], waiter: Waiter) -> None:
        """Store and send ``messages``. The waiter gets what ``Store.commit`` answers."""
        self._commits.add_many(messages, waiter)

    def answer_when_stored(self, waiter: Waiter) -> None:
        """The waiter gets None when everything so far is durable."""
        self._commits.answer_when_stored(waiter)

    def probe(self, waiter: Waiter) -> None:
        """The waiter gets None if the store works now."""
        self._commits.probe(waiter)

    def reported(self, now_ns: int, reports: Sequence[Report], waiter: Waiter) -> list[NodeEffect]:
        """Take delivery reports. The waiter gets True once all they change is durable, and False if that
        takes too long: the provider must repeat the call.
        """
        if self._sent.count:
            if self._stopping:
                self._commits.answer_when_stored(waiter, False)
            else:
                self._sent.keep_call(now_ns, waiter, reports)
            return []
        return self._perform(now_ns, self._reports.take(now_ns, reports, waiter, self._unanswered))

    def _found(
        self, now_ns: int, late: EndedReports, ended: Sequence[EndedMessage] | None
    ) -> list[NodeEffect]:
        if ended is None:
            return [Acknowledge(waiter, False) for waiter in self._reports.not_found(now_ns, late)]
        here = ended_here(ended, self.gate.wall.ahead_ns)
        return self._perform(now_ns, self._reports.found(now_ns, late, here, self._unanswered))

    def answered(self, now_ns: int, batch_id: int, results: Sequence[Result]) -> list[NodeEffect]:
        """Take the results of a ``SubmitNow``, one per message in its order."""
        effects = self._dispatcher.answered(now_ns, batch_id, results)
        effects = self._reports.answered(batch_id, self._unanswered.pop(batch_id), effects)
        done = self._perform(now_ns, effects)
        self._reports.batch_ended(batch_id)
        return done

    def looked_up(self, now_ns: int, key: str, found: Sequence[Report] | None) -> list[NodeEffect]:
        """Take the result of a ``LookUp``; as ``Dispatcher.looked_up``."""
        effects = self._dispatcher.looked_up(now_ns, key, found)
        return self._perform(now_ns, self._reports.looked_up(effects))

    def status_found(self, now_ns: int, key: str, report: Report | None) -> list[NodeEffect]:
        """Take the answer to an ``AskReport``; as ``Dispatcher.status_found``."""
        effects = self._dispatcher.status_found(now_ns, key, report)
        return self._perform(now_ns, self._reports.looked_up(effects))

    def next_deadline(self) -> int | None:
        """When ``advance`` must be called, unless another call comes first. None if nothing is pending."""
        due_ns = self._dispatcher.next_deadline()
        for other_ns in (self.rules.next_ns(), self._reports.next_ns(), self._sent.next_ns()):
            if other_ns is not None and (due_ns is None or other_ns < due_ns):
                due_ns = other_ns
        return due_ns

    def advance(self, now_ns: int) -> list[NodeEffect]:
        """Do what is due."""
        effects = self._perform(now_ns, self._dispatcher.advance(now_ns))
        held_until_ns = self.rules.next_ns()
        if held_until_ns is not None and held_until_ns <= now_ns:
            effects += self._release(now_ns)
        effects += [Acknowledge(waiter, False) for waiter in self._reports.take_late(now_ns)]
        return effects + self._sent.refuse_late(now_ns)

    def _release(self, now_ns: int) -> list[NodeEffect]:
        released = self.rules.release(now_ns)
        effects: list[NodeEffect] = []
        if released.ended:
            effects += self._perform(now_ns, self._dispatcher.end(now_ns, released.ended))
        if released.ready:
            effects += self._offer(now_ns, released.ready)
        return effects

    def _offer(
        self, now_ns: int, messages: Sequence[Message], predicted_attempt: SubmitAttempt | None = None
    ) -> list[NodeEffect]:
        closes = self.gate.closes(now_ns, messages)
        return self._perform(now_ns, self._dispatcher.offer(now_ns, messages, closes), predicted_attempt)

    def commit_due_ns(self) -> int | None:
        """From when on ``begin_commit`` may be called; None: nothing waits, or a commit is in progress."""
        return self._commits.due_ns()

    def begin_commit(self, now_ns: int) -> Commit:
        """The commit to carry out. Only while ``commit_due_ns`` is not None."""
        group = self._commits.begin(now_ns)
        if group.messages:
            group.admitted = self.gate.admit(now_ns, group.messages)
            group.messages = list(group.admitted.messages)
            # The store may have removed them as old before these messages came.
            group.controls = [*self.rules.known(now_ns, group.messages), *group.controls]
        if self._node_share is not None:
            group.unclaimed = self._node_share.left_to_others(now_ns, self._dispatcher, group.admitted.ready)
        if group.messages and not self._stopping and not group.admitted.held and not group.unclaimed:
            soon = group.first_to_go()
            route = self._dispatcher.predict_route(now_ns, soon)
            if route is not None:
                group.predicted_attempt = self._attempt(now_ns, route, soon)
        return group.commit(self.gate.totals, self.gate.wall.ahead_ns)

    def committed(
        self, now_ns: int, taken: Mapping[int, Existing], ended: Sequence[EndedMessage] | None = ()
    ) -> list[NodeEffect]:
        """The commit is durable, except the messages in ``taken``, whose keys other messages have. ``ended``
        are the messages of ``Commit.late``, or None: their reports must come again.
        """
        group = self._commits.done()
        effects: list[NodeEffect] = []
        messages, held = self.gate.stored(now_ns, group.admitted)
        if taken:
            held = [message for message in held if message.message_id not in taken]
            self.gate.not_stored(group.admitted, taken)
        if taken or group.unclaimed:
            not_ours = taken.keys() | group.unclaimed.keys()
            messages = [message for message in messages if message.message_id not in not_ours]
        self.gate.hold(now_ns, held)
        self.rules.stored(now_ns)
        self._dispatcher.campaigns.accepted([*messages, *held])
        if messages or group.predicted_attempt is not None:
            effects = self._offer(now_ns, messages, group.predicted_attempt)
        effects += [Acknowledge(waiter, taken.get(message_id)) for message_id, waiter in group.singles]
        effects += [Acknowledge(waiter, taken) for waiter in group.many]
        for _, batch in group.attempts:
            if self._dispatcher.may_still_go(now_ns, batch.batch_id):
                effects += self._submit(now_ns, batch)
            else:  # the commit took long, and a message expired meanwhile
                effects += self._withdraw(now_ns, batch.batch_id)
        effects += [Acknowledge(waiter, answer) for waiter, answer in group.changed]
        effects += [Acknowledge(waiter, None) for waiter in group.probes]
        if group.late:
            effects += self._found(now_ns, group.late, ended)
        return effects

    def commit_failed(self, now_ns: int, error: StoreError) -> list[NodeEffect]:
        """Nothing of the commit is kept: refuse its messages, and queue those of its attempts again."""
        group: Group = self._commits.failed(now_ns)
        self.gate.take_back(group.admitted)
        refused = [*(waiter for _, waiter in group.singles), *group.many, *group.probes]
        effects: list[NodeEffect] = [Refuse(waiter, error) for waiter in refused]
        for _, batch in group.attempts:
            effects += self._withdraw(now_ns, batch.batch_id, is_kept=False)
        return effects

    def _withdraw(self, now_ns: int, batch_id: int, is_kept: bool = True) -> list[NodeEffect]:
        """The request of an attempt, which the store keeps, is not sent."""
        attempt_id = self._unanswered.pop(batch_id)
        if is_kept:
            self._commits.ended(attempt_id)
        effects = self._perform(now_ns, self._dispatcher.withdrawn(now_ns, batch_id))
        self._reports.batch_ended(batch_id)
        return effects

    def _submit(self, now_ns: int, batch: SubmitBatch) -> list[NodeEffect]:
        """Send the request of a durable attempt, unless the process ends, or the lease ended meanwhile:
        another node may then repeat it.
        """
        if self.requesting and (self._node_share is None or self._node_share.holds(now_ns)):
            return [SubmitNow(batch.batch_id, batch.route, batch.messages)]
        return self._withdraw(now_ns, batch.batch_id)

    def _attempt(self, now_ns: int, route: str, messages: Sequence[Message]) -> SubmitAttempt:
        self._attempts += 1
        return SubmitAttempt(self._attempts, route, now_ns, tuple([each.message_id for each in messages]))

    def _perform(
        self, now_ns: int, effects: Sequence[Effect], predicted_attempt: SubmitAttempt | None = None
    ) -> list[NodeEffect]:
        done: list[NodeEffect] = []
        changes: list[Change] = []
        for effect in effects:
            if isinstance(effect, Change):
                changes.append(effect)
            elif isinstance(effect, SetAside):
                self.gate.hold(now_ns, [effect.message])
            # A batch that is not submitted because the sender stops stays queued in the store.
            elif self._stopping:
                continue
            elif self._sent.count and isinstance(effect, LookUp):
                self._sent.keep_lookup(effect)
            elif isinstance(effect, (LookUp, AskReport, Hedge)):
                done.append(effect)
            elif predicted_attempt is not None and is_attempt_of(predicted_attempt, effect):
                self._unanswered[effect.batch_id] = predicted_attempt.attempt_id
                predicted_attempt = None
                done += self._submit(now_ns, effect)
            else:
                attempt = self._attempt(now_ns, effect.route, effect.messages)
                self._unanswered[effect.batch_id] = attempt.attempt_id
                self._commits.attempt(attempt, effect)
        if predicted_attempt is not None:  # its messages wait, or are sent in another batch
            self._commits.ended(predicted_attempt.attempt_id)
        if changes:
            self._commits.change(changes)
        return done
