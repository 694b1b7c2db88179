"""One node: a dispatcher and its group commit, in the order that loses and repeats nothing.

A message is stored before it is offered, an attempt before its request goes out, a delivery report before it
is acknowledged. An attempt that can be foreseen is stored with its messages, any other after them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from reference_sender.dispatch import Dispatcher, DispatchState
from reference_sender.dispatch.values import (
    Change,
    Effect,
    Lane,
    LookUp,
    Message,
    Recovered,
    Report,
    Result,
    SubmitAttempt,
    SubmitBatch,
)
from reference_sender.node.commits import Commits, Group
from reference_sender.node.effects import Acknowledge, Commit, NodeEffect, Refuse, SubmitNow, Waiter
from reference_sender.store.protocol import Existing, StoreError


class NodeTimes(Struct, frozen=True):
    """``early_report_ns``: how long a report may wait for the answer to the submit it overtook."""

    linger_ns: int = 2_000_000
    retry_ns: int = 1_000_000_000
    early_report_ns: int = 5_000_000_000


DEFAULT_TIMES = NodeTimes()


class _Overtaken(Struct, frozen=True, eq=False):
    """Reports that came before the answer to their submit, which is one of ``batches``."""

    waiter: Waiter
    batches: set[int]
    until_ns: int


class Node:
    """Times never go back, as for the dispatcher. After each call the driver carries out the effects, asks
    ``next_deadline`` when to call ``advance``, and ``commit_due_ns`` when to call ``begin_commit``.
    """

    def __init__(self, dispatcher: Dispatcher, times: NodeTimes = DEFAULT_TIMES) -> None:
        self._dispatcher = dispatcher
        self._early_report_ns = times.early_report_ns
        self._commits = Commits(times.linger_ns, times.retry_ns)
        self._unanswered: dict[int, int] = {}  # attempts by batch: not durable yet, or their request is out
        self._attempts = 0  # made so far
        self._overtaking: set[str] = set()  # provider ids of reports that came with an early one
        self._overtaken: deque[_Overtaken] = deque()  # all wait equally long, so they are in order
        self._stopping = False

    @property
    def waiting(self) -> int:
        """Messages on their way to the store."""
        return self._commits.waiting

    @property
    def unanswered(self) -> int:
        """Batches without an answer."""
        return len(self._unanswered)

    @property
    def overtaken(self) -> int:
        """Report calls that wait for the answer to the submit they overtook."""
        return len(self._overtaken)

    def has_room(self, count: int, lane: Lane) -> bool:
        """Whether ``count`` more messages of ``lane`` fit, those on their way to the store included."""
        return self._dispatcher.has_room(count + self._commits.waiting, lane)

    def state(self) -> DispatchState:
        """The state of the dispatcher."""
        return self._dispatcher.state()

    def stop(self) -> None:
        """Submit nothing more. Answers, reports and commits are still taken."""
        self._stopping = True

    def recover(self, now_ns: int, recovered: Iterable[Recovered]) -> list[NodeEffect]:
        """Continue the unfinished work of an earlier process. Must be the first call."""
        return self._perform(now_ns, self._dispatcher.recover(now_ns, recovered))

    def take(self, message: Message, waiter: Waiter) -> None:
        """Store and send ``message``. The waiter gets None, or the message that has its key already."""
        self._commits.add(message, waiter)

    def take_many(self, messages: Sequence[Message], waiter: Waiter) -> None:
        """Store and send ``messages``. The waiter gets what ``Store.commit`` answers."""
        self._commits.add_many(messages, waiter)

    def settle(self, waiter: Waiter) -> None:
        """The waiter gets None when everything so far is durable."""
        self._commits.settle(waiter)

    def probe(self, waiter: Waiter) -> None:
        """The waiter gets None if the store works now."""
        self._commits.probe(waiter)

    def reported(self, now_ns: int, reports: Sequence[Report], waiter: Waiter) -> list[NodeEffect]:
        """Take delivery reports. The waiter gets True once all they change is durable.

        A report that carries no key can overtake the answer to its submit, which alone tells whose it is.
        What it says is then durable only after that answer, so its sender waits until then; False if that
        takes too long, and the report must come again.
        """
        before = self._dispatcher.early_reports
        effects = self._perform(now_ns, self._dispatcher.reported(now_ns, reports))
        if self._overtook(reports, before) and self._unanswered:
            until_ns = now_ns + self._early_report_ns
            self._overtaken.append(_Overtaken(waiter, set(self._unanswered), until_ns))
        else:
            self._commits.settle(waiter, True)
        return effects

    def answered(self, now_ns: int, batch_id: int, results: Sequence[Result]) -> list[NodeEffect]:
        """Take the results of a ``SubmitNow``, one per message in its order."""
        effects = self._dispatcher.answered(now_ns, batch_id, results)
        self._commits.ended(self._unanswered.pop(batch_id))
        done = self._perform(now_ns, effects)
        if self._overtaken:
            self._no_longer_awaited(batch_id)
        return done

    def looked_up(self, now_ns: int, key: str, found: Sequence[Report] | None) -> list[NodeEffect]:
        """Take the result of a ``LookUp``; as ``Dispatcher.looked_up``."""
        return self._perform(now_ns, self._dispatcher.looked_up(now_ns, key, found))

    def next_deadline(self) -> int | None:
        """When ``advance`` must be called, unless another call comes first. None if nothing is pending."""
        deadline_ns = self._dispatcher.next_deadline()
        if self._overtaken:
            until_ns = self._overtaken[0].until_ns
            return until_ns if deadline_ns is None or until_ns < deadline_ns else deadline_ns
        return deadline_ns

    def advance(self, now_ns: int) -> list[NodeEffect]:
        """Do what is due."""
        effects = self._perform(now_ns, self._dispatcher.advance(now_ns))
        overtaken = self._overtaken
        while overtaken and overtaken[0].until_ns <= now_ns:
            effects.append(Acknowledge(overtaken.popleft().waiter, False))
        return effects

    def commit_due_ns(self) -> int | None:
        """From when on ``begin_commit`` may be called; None: nothing waits, or a commit is in progress."""
        return self._commits.due_ns()

    def begin_commit(self, now_ns: int) -> Commit:
        """The commit to carry out. Only while ``commit_due_ns`` is not None."""
        group = self._commits.begin(now_ns)
        if group.messages and not self._stopping:
            route = self._dispatcher.foresee(now_ns, group.messages)
            if route is not None:
                group.foreseen = self._attempt(now_ns, route, group.messages)
        return group.commit()

    def committed(self, now_ns: int, taken: Mapping[int, Existing]) -> list[NodeEffect]:
        """The commit is durable, except the messages in ``taken``, whose keys other messages have."""
        group = self._commits.done()
        effects: list[NodeEffect] = []
        messages: Sequence[Message] = group.messages
        if taken:
            messages = [message for message in messages if message.message_id not in taken]
        if messages or group.foreseen is not None:
            effects = self._perform(now_ns, self._dispatcher.offer(now_ns, messages), group.foreseen)
        for message_id, waiter in group.singles:
            effects.append(Acknowledge(waiter, taken.get(message_id)))
        for waiter in group.many:
            effects.append(Acknowledge(waiter, taken))
        for _, batch in group.attempts:
            if self._dispatcher.may_still_go(now_ns, batch.batch_id):
                effects.append(SubmitNow(batch.batch_id, batch.route, batch.messages))
            else:  # the commit took long, and a message expired meanwhile
                effects += self._withdraw(now_ns, batch.batch_id)
        for waiter, answer in group.changed:
            effects.append(Acknowledge(waiter, answer))
        for waiter in group.probes:
            effects.append(Acknowledge(waiter, None))
        return effects

    def commit_failed(self, now_ns: int, error: StoreError) -> list[NodeEffect]:
        """Nothing of the commit is kept: refuse its messages, and queue those of its attempts again."""
        group: Group = self._commits.failed(now_ns)
        refused = [waiter for _, waiter in group.singles]
        effects: list[NodeEffect] = [
            Refuse(waiter, error) for waiter in (*refused, *group.many, *group.probes)
        ]
        for _, batch in group.attempts:
            effects += self._withdraw(now_ns, batch.batch_id)
        return effects

    def _withdraw(self, now_ns: int, batch_id: int) -> list[NodeEffect]:
        """The request of an attempt is not sent."""
        self._commits.ended(self._unanswered.pop(batch_id))
        effects = self._perform(now_ns, self._dispatcher.withdrawn(now_ns, batch_id))
        self._no_longer_awaited(batch_id)
        return effects

    def _attempt(self, now_ns: int, route: str, messages: Sequence[Message]) -> SubmitAttempt:
        self._attempts += 1
        ids = tuple([message.message_id for message in messages])
        return SubmitAttempt(self._attempts, route, now_ns, ids)

    def _perform(
        self, now_ns: int, effects: Sequence[Effect], foreseen: SubmitAttempt | None = None
    ) -> list[NodeEffect]:
        done: list[NodeEffect] = []
        changes: list[Change] = []
        for effect in effects:
            if isinstance(effect, Change):
                changes.append(effect)
            # What is not submitted, since the sender stops, stays queued in the store.
            elif self._stopping:
                continue
            elif isinstance(effect, LookUp):
                done.append(effect)
            elif foreseen is not None and _is_of(foreseen, effect):
                self._unanswered[effect.batch_id] = foreseen.attempt_id
                foreseen = None
                done.append(SubmitNow(effect.batch_id, effect.route, effect.messages))
            else:
                attempt = self._attempt(now_ns, effect.route, effect.messages)
                self._unanswered[effect.batch_id] = attempt.attempt_id
                self._commits.attempt(attempt, effect)
        if foreseen is not None:  # its messages wait, or go out in another way
            self._commits.ended(foreseen.attempt_id)
        if changes:
            self._commits.change(changes)
        return done

    def _overtook(self, reports: Sequence[Report], before: int) -> bool:
        """Whether the dispatcher keeps one of ``reports`` for a submit that is not yet answered."""
        kept = self._dispatcher.early_reports
        if not kept:
            if self._overtaking:
                self._overtaking.clear()
            return False
        ids = {report.provider_id for report in reports}
        again = not self._overtaking.isdisjoint(ids)
        if kept > before:
            self._overtaking |= ids
        return again or kept > before

    def _no_longer_awaited(self, batch_id: int) -> None:
        """The batch was answered or withdrawn: reports that waited for it alone are settled."""
        overtaken = self._overtaken
        for each in list(overtaken):
            each.batches.discard(batch_id)
            if not each.batches:
                overtaken.remove(each)
                self._commits.settle(each.waiter, True)


def _is_of(attempt: SubmitAttempt, batch: SubmitBatch) -> bool:
    """Whether ``attempt`` is one of the same messages, in whatever order, on the same route."""
    if attempt.route != batch.route or len(attempt.message_ids) != len(batch.messages):
        return False
    return {message.message_id for message in batch.messages} == set(attempt.message_ids)
