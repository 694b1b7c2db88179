"""Delivery reports, and when their calls are answered: once all that they change is durable.

A report without a key can come before the answer to its submit, which alone identifies the message. Its
change is then durable only after that answer, so the provider's call waits until then. A delivery that is
unknown here may be of an ended message: the next commit shows it. Each of several nodes hands over the
reports of messages that it does not know.

The first message of a delivered second one may have ended before too. The change of the second one then waits
until the first one is found, and one transaction has both: after a crash between them nothing would show that
the first one was delivered, if a lookup, a status query or an answer showed it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.message_states import DELIVERED_BY_SECOND
from reference_sender.dispatch.values import Change, Effect, EndedMessage, Report, State, key_of_second
from reference_sender.node.commits import Commits, EndedReports
from reference_sender.node.early_calls import EarlyCalls
from reference_sender.node.effects import Waiter
from reference_sender.store.protocol import HandedOver


class ReportCalls:
    """``early_ns``: how long a call waits for the answer to a submit."""

    def __init__(self, dispatcher: Dispatcher, commits: Commits, early_ns: int) -> None:
        self.alone = True  # no other node uses the store
        self._dispatcher = dispatcher
        self._commits = commits
        self._early = EarlyCalls(early_ns)

    def __len__(self) -> int:
        """Calls that wait for the answer to a submit."""
        return len(self._early)

    def take(
        self, now_ns: int, reports: Sequence[Report], waiter: Waiter, unanswered: Collection[int]
    ) -> Sequence[Effect]:
        """As ``Node.reported``. ``unanswered``: the batches in flight."""
        if not self.alone:
            knows = self._dispatcher.knows
            self._commits.hand_over([report for report in reports if not knows(report)])
            reports = [report for report in reports if knows(report)]
        effects = self._dispatcher.reported(now_ns, reports)
        if late := self._late():
            held, effects = self._hold_back(effects)
            self._commits.find_ended(EndedReports(late, [(waiter, reports)], changes=held))
        else:
            self._answer(now_ns, waiter, reports, unanswered)
        return effects

    def take_handed_over(self, now_ns: int, reports: Sequence[HandedOver]) -> Sequence[Effect]:
        """As ``Node.handed_over``."""
        effects = self._dispatcher.reported(now_ns, [each.report for each in reports])
        self._commits.find_ended(EndedReports(self._late(), read=[each.report_id for each in reports]))
        return effects

    def found(
        self, now_ns: int, late: EndedReports, ended: Sequence[EndedMessage], unanswered: Collection[int]
    ) -> Sequence[Effect]:
        """The store says that ``late`` are about ``ended``. The first message of a second one may follow."""
        effects = self._dispatcher.found_ended(now_ns, self._as_now(ended, late), late.reports)
        self._commits.change(late.changes)
        for attempt_id in late.attempts:
            self._commits.ended(attempt_id)
        if again := self._late():
            held, effects = self._hold_back(effects)
            self._commits.find_ended(EndedReports(again, late.calls, late.read, held))
            return effects
        self._commits.read(late.read)
        for waiter, reports in late.calls:
            self._answer(now_ns, waiter, reports, unanswered)
        return effects

    def _as_now(self, ended: Sequence[EndedMessage], late: EndedReports) -> Sequence[EndedMessage]:
        """``ended`` with the deliveries that wait for a first message, and so are not in the store yet. A
        report that came again would deliver the second message twice.
        """
        waiting = [*late.changes, *self._commits.held_back()]
        delivered = {change.message_id for change in waiting if change.state is State.DELIVERED}
        return [
            replace(each, state=State.DELIVERED) if each.message.message_id in delivered else each
            for each in ended
        ]

    def not_found(self, now_ns: int, late: EndedReports) -> list[Waiter]:
        """The store did not say what ``late`` are about. The calls that the provider must repeat. What waits
        for first messages waits for the next commit.
        """
        if late.changes:
            firsts = [report for report in late.reports if report.reason == DELIVERED_BY_SECOND]
            again = EndedReports(firsts, changes=late.changes, attempts=late.attempts)
            self._commits.find_again(now_ns, again)
        return [waiter for waiter, _ in late.calls]

    def looked_up(self, effects: Sequence[Effect]) -> Sequence[Effect]:
        """A lookup or a status query had ``effects``: those to carry out now. Any second message that it
        shows to be delivered ends with its first one.
        """
        if self._dispatcher.unmatched.firsts:
            late = self._late()
            held, effects = self._hold_back(effects)
            self._commits.find_ended(EndedReports(late, changes=held))
        return effects

    def answered(self, batch_id: int, attempt_id: int, effects: Sequence[Effect]) -> Sequence[Effect]:
        """As ``looked_up``, of the answer to a batch, whose attempt has ended."""
        held: list[Change] = []
        if self._dispatcher.unmatched.firsts:
            late = self._late()
            held, effects = self._hold_back(effects)
            if held:  # until they are durable their messages are in flight
                calls: list[tuple[Waiter, Sequence[Report]]]
                calls = [(waiter, ()) for waiter in self._early.take_complete(batch_id)]
                self._commits.find_ended(EndedReports(late, calls, changes=held, attempts=[attempt_id]))
        if not held:
            self._commits.ended(attempt_id)
        return effects

    def batch_ended(self, batch_id: int) -> None:
        """The batch was answered or withdrawn. Answer the calls that waited for it alone."""
        if len(self._early):
            for waiter in self._early.take_complete(batch_id):
                self._commits.answer_when_stored(waiter, True)

    def next_ns(self) -> int | None:
        """When ``take_late`` has work."""
        return self._early.next_ns()

    def take_late(self, now_ns: int) -> list[Waiter]:
        """The calls that have waited too long."""
        return self._early.take_late(now_ns)

    def _late(self) -> list[Report]:
        """The reports of which the store must say whether they are about an ended message. Other nodes may
        have the first messages of second ones, so they are handed over.
        """
        unmatched = self._dispatcher.unmatched
        if self.alone:
            return [*unmatched.reports, *unmatched.firsts]
        if unmatched.firsts:
            self._commits.hand_over(unmatched.firsts)
        return [*unmatched.reports]

    def _hold_back(self, effects: Sequence[Effect]) -> tuple[list[Change], Sequence[Effect]]:
        """The changes of the second messages whose first ones the store must find, and the other effects."""
        firsts = self._dispatcher.unmatched.firsts
        if not firsts or not self.alone:
            return [], effects
        keys = {key_of_second(first.key) for first in firsts if first.key is not None}
        held = [each for each in effects if isinstance(each, Change) and each.key in keys]
        return held, [each for each in effects if not isinstance(each, Change) or each.key not in keys]

    def _answer(
        self, now_ns: int, waiter: Waiter, reports: Sequence[Report], unanswered: Collection[int]
    ) -> None:
        if unanswered and self._dispatcher.early.has_any(reports):
            self._early.add(now_ns, waiter, unanswered)
        else:
            self._commits.answer_when_stored(waiter, True)
