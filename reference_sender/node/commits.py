"""Group commit: what the next transaction holds, who waits for it, and when it may begin.

A commit costs a disk flush, independent of its size, so messages that arrive during a commit share the next
one. A message or a report is answered only after its commit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reference_sender.dispatch.values import Change, Lane, Message, Report, SubmitAttempt, SubmitBatch
from reference_sender.node.effects import Commit, Waiter
from reference_sender.node.stored_times import changes_in_unix_time, in_unix_time
from reference_sender.policy.campaigns import KnownCampaign
from reference_sender.policy.gate_values import NOTHING_ADMITTED
from reference_sender.policy.spending import Spent
from reference_sender.policy.wall_offset import WallOffset
from reference_sender.store.protocol import Control, Work

_OTP = Lane.OTP


class EndedReports(Struct):
    """Reports of which the store must say whether they are about an ended message, and what waits for that:
    calls, with all their reports; reports of other nodes, by id; changes and the ends of attempts.
    """

    reports: list[Report] = []
    calls: list[tuple[Waiter, Sequence[Report]]] = []
    read: list[int] = []
    changes: list[Change] = []
    attempts: list[int] = []

    def __bool__(self) -> bool:
        return bool(self.reports or self.calls or self.read)

    def add(self, more: EndedReports) -> None:
        """Find those of ``more`` too."""
        self.reports += more.reports
        self.calls += more.calls
        self.read += more.read
        self.changes += more.changes
        self.attempts += more.attempts


def _is_of_messages(control: Control) -> bool:
    """Whether it keeps the controls of a campaign for messages that come with it. Without them the store
    would keep controls again that it has removed.
    """
    return isinstance(control, KnownCampaign) and control.with_message


class Group:
    """The content of one transaction, and who waits for it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.changes: list[Change] = []  # in Unix time
        self.attempts: list[tuple[SubmitAttempt, SubmitBatch]] = []
        self.predicted_attempt: SubmitAttempt | None = None  # of the group's own messages
        self.ended: list[int] = []
        self.unclaimed: dict[int, int] = {}  # as ``Work.unclaimed``
        self.handed_over: list[Report] = []
        self.read: list[int] = []
        self.given_back: list[int] = []
        self.controls: list[Control] = []
        self.admitted = NOTHING_ADMITTED  # what the rules say of ``messages``
        # Costs by campaign and day that changed since, and whose causes are in a later group.
        self.later: Counter[tuple[str, int]] = Counter()
        self.refused: list[int] = []  # ids of the messages of a failed commit
        self.singles: list[tuple[int, Waiter]] = []  # with the id of the message
        self.many: list[Waiter] = []
        self.changed: list[tuple[Waiter, bool | None]] = []  # with the answer to give
        self.probes: list[Waiter] = []
        self.late = EndedReports()

    def __bool__(self) -> bool:
        return bool(self.has_work() or self.changed or self.probes or self.late)

    def has_work(self) -> bool:
        """Whether there is anything to write."""
        written = self.messages or self.changes or self.attempts or self.ended
        return bool(
            written or self.controls or self.refused or self.handed_over or self.read or self.given_back
        )

    def first_to_go(self) -> Sequence[Message]:
        """Its OTPs, if any: they go first, so the other messages do not change where they go."""
        messages = self.messages
        if self.singles and len(messages) > 1:
            return [message for message in messages if message.lane is _OTP] or messages
        return messages

    def repeat(self) -> Group:
        """What must be kept of it after its commit failed: what has happened, and who waits for that. The
        commit may be on disk nevertheless, so its messages are removed and its attempts ended.
        """
        kept = Group()
        kept.changes, kept.handed_over, kept.read = self.changes, self.handed_over, self.read
        kept.ended = [*self.ended, *(attempt.attempt_id for attempt in self.begun())]
        kept.refused = [*self.refused, *(message.message_id for message in self.messages)]
        # The costs of its messages are taken back: if they are on disk, the totals are corrected.
        kept.controls = [*(each for each in self.controls if not _is_of_messages(each)), *self.admitted.spent]
        kept.changed, kept.late, kept.given_back = self.changed, self.late, self.given_back
        return kept

    def begun(self) -> list[SubmitAttempt]:
        """The attempts that become durable with the group."""
        begun = [attempt for attempt, _ in self.attempts]
        if self.predicted_attempt is not None:
            begun.append(self.predicted_attempt)
        return begun

    def commit(self, totals: Callable[[Iterable[Spent]], Sequence[Spent]], ahead_ns: int = 0) -> Commit:
        """The group as an effect. Without work, a probe shows whether the store works. ``totals`` gives those
        of the costs that changed, ``later`` included: a cost and its cause become durable in one transaction.
        The wall clock is ``ahead_ns`` ahead.
        """
        if not self.has_work():
            return Commit(None, bool(self.probes), self.late.reports)
        controls: Sequence[Control] = self.controls or ()
        spent = [*(each for each in controls if isinstance(each, Spent)), *self.admitted.spent]
        if spent or any(isinstance(each, KnownCampaign) for each in controls):
            # Costs may have been returned since the controls of a campaign were handed over.
            others = (self._as_now(each, totals) for each in controls if not isinstance(each, Spent))
            controls = [*others, *self._without_later(totals(spent))]
        work = Work(
            self.messages,
            self.changes,
            self.begun(),
            self.ended,
            controls,
            self.refused,
            self.unclaimed,
            self.handed_over or (),
            self.read or (),
            self.admitted.reserved,
            self.given_back or (),
        )
        return Commit(in_unix_time(work, ahead_ns), late=self.late.reports)

    def _as_now(self, control: Control, totals: Callable[[Iterable[Spent]], Sequence[Spent]]) -> Control:
        """``control``; that of a known campaign with its costs of now."""
        if not isinstance(control, KnownCampaign):
            return control
        spent = [each for each in self._without_later(totals(control.spent)) if each.amount]
        return replace(control, spent=spent)

    def _without_later(self, totals: Iterable[Spent]) -> list[Spent]:
        return [replace(each, amount=each.amount - self.later[each.campaign, each.day]) for each in totals]


class Commits:
    """The waiting group and the one that is being committed.

    Commits begin at intervals of at least ``linger_ns``, which makes groups large enough under load, and not
    within ``retry_ns`` after one that failed. What is kept of a failed one is committed alone before the
    waiting group. So everything becomes durable in the order in which it was handed over, and what must be
    removed does not grow while the store is down.
    """

    def __init__(self, linger_ns: int, retry_ns: int, wall: WallOffset | None = None) -> None:
        self._linger_ns = linger_ns
        self._retry_ns = retry_ns
        self._wall = wall or WallOffset()
        self._group = Group()
        self._repeat: Group | None = None  # what is kept of a commit that failed
        self._running: Group | None = None
        self._repeats = False  # the commit in progress is of ``_repeat``
        self._began_ns: int | None = None  # the last commit; None before the first
        self._failed_until_ns = 0
        self.waiting = 0  # messages taken in whose commit has not ended

    def due_ns(self) -> int | None:
        """From when on the next commit may begin; None: nothing waits, or one is in progress."""
        if self._running is not None or not (self._repeat or self._group):
            return None
        if self._began_ns is None:
            return self._failed_until_ns
        return max(self._began_ns + self._linger_ns, self._failed_until_ns)

    def add(self, message: Message, waiter: Waiter) -> None:
        """Store one message."""
        self._group.messages.append(message)
        self._group.singles.append((message.message_id, waiter))
        self.waiting += 1

    def add_many(self, messages: Sequence[Message], waiter: Waiter) -> None:
        """Store these messages, at least one."""
        self._group.messages.extend(messages)
        self._group.many.append(waiter)
        self.waiting += len(messages)

    def change(self, changes: Iterable[Change]) -> None:
        """Store these changes. A failed commit is repeated until the store keeps them."""
        self._group.changes.extend(changes_in_unix_time(changes, self._wall.ahead_ns))

    def control(self, controls: Iterable[Control]) -> None:
        """Keep these changes of campaigns, costs, holds and opt-outs, as ``change``."""
        self._group.controls.extend(controls)

    def controls(self) -> list[Control]:
        """Those that are not durable yet."""
        groups = (self._running, self._repeat, self._group)
        return [control for group in groups if group is not None for control in group.controls]

    def give_back(self, message_ids: Iterable[int]) -> None:
        """Leave these messages to any node, as ``change``."""
        self._group.given_back.extend(message_ids)

    @property
    def gives_back(self) -> bool:
        """Whether a ``give_back`` is not durable yet."""
        groups = (self._running, self._repeat, self._group)
        return any(group is not None and group.given_back for group in groups)

    def attempt(self, attempt: SubmitAttempt, batch: SubmitBatch) -> None:
        """Keep ``attempt``, whose request may be sent then."""
        self._group.attempts.append((attempt, batch))

    def unsent(self) -> list[SubmitBatch]:
        """The batches whose attempts are not durable yet, so their requests are not sent."""
        groups = (self._running, self._repeat, self._group)
        return [batch for group in groups if group is not None for _, batch in group.attempts]

    def ended(self, attempt_id: int) -> None:
        """The attempt has ended. Call it together with ``change``, so that one transaction has both."""
        self._group.ended.append(attempt_id)

    def hand_over(self, reports: Iterable[Report]) -> None:
        """Keep these reports for the nodes whose messages they are about."""
        self._group.handed_over.extend(reports)

    def read(self, report_ids: Iterable[int]) -> None:
        """These reports of other nodes are done with. Call it together with ``change``."""
        self._group.read.extend(report_ids)

    def find_ended(self, late: EndedReports) -> None:
        """Find the ended messages of ``late`` after the next commit. Without reports its ``read`` is done."""
        if not late.reports:
            return self.read(late.read)
        self._group.late.add(late)

    def find_again(self, now_ns: int, late: EndedReports) -> None:
        """As ``find_ended``, after the store could not be read."""
        self.find_ended(late)
        self._failed_until_ns = now_ns + self._retry_ns

    def held_back(self) -> list[Change]:
        """The changes of all ``find_ended`` that wait for the store's answer."""
        groups = (self._running, self._repeat, self._group)
        return [change for group in groups if group is not None for change in group.late.changes]

    def answer_when_stored(self, waiter: Waiter, answer: bool | None = None) -> None:
        """Give ``waiter`` this answer when everything handed over before is durable."""
        self._group.changed.append((waiter, answer))

    def probe(self, waiter: Waiter) -> None:
        """Tell ``waiter`` whether the store works."""
        self._group.probes.append(waiter)

    def begin(self, now_ns: int) -> Group:
        """The group to commit now. Only while ``due_ns`` is not None."""
        if self._repeat:
            group, self._repeat = self._repeat, None
            self._repeats = True
            group.later = Counter()
            for control in self._group.controls:
                if isinstance(control, Spent):
                    group.later[control.campaign, control.day] += control.amount
        else:
            group, self._group = self._group, Group()
            self._repeats = False
        self._running = group
        self._began_ns = now_ns
        return group

    def done(self) -> Group:
        """The commit in progress ended well."""
        return self._end()

    def failed(self, now_ns: int) -> Group:
        """The commit in progress failed. What must be kept of it is repeated, its attempts' ends included.
        When a repeat fails, the messages and probes that waited for it are refused too.
        """
        group, waiting = self._end(), self._group
        self._repeat = group.repeat()
        if self._repeats:
            self.waiting -= len(waiting.messages)
            waiting.messages = []
            group.singles, waiting.singles = waiting.singles, []
            group.many, waiting.many = waiting.many, []
            group.probes, waiting.probes = waiting.probes, []
        self._failed_until_ns = now_ns + self._retry_ns
        return group

    def _end(self) -> Group:
        group, self._running = self._running, None
        if group is None:
            raise ValueError("no commit is in progress")
        self.waiting -= len(group.messages)
        return group


def is_attempt_of(attempt: SubmitAttempt, batch: SubmitBatch) -> bool:
    """Whether ``attempt`` has the same messages, in any order, and the same route."""
    if attempt.route != batch.route or len(attempt.message_ids) != len(batch.messages):
        return False
    ids = tuple([message.message_id for message in batch.messages])
    return ids == attempt.message_ids or set(ids) == set(attempt.message_ids)
