"""What the result of an attempt means for its message: sent, ended, bound to its route, or queued again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reference_sender.dispatch.backlog import Backlog
from reference_sender.dispatch.lookups import PendingLookups
from reference_sender.dispatch.message_states import EXPIRED_UNCERTAIN, EXPIRED_WAITING, MessageStates
from reference_sender.dispatch.retry import TAKEN, Decision, RetryRules, decide
from reference_sender.dispatch.sending import Batch
from reference_sender.dispatch.ticket import Ticket
from reference_sender.dispatch.values import Effect, Message, Result, State

# Names of their own: see ``values.py``.
_SUBMITTING = State.SUBMITTING


class AttemptResults:
    """Applies results to tickets. ``bars``: whether a refused message is set aside and not queued again."""

    def __init__(
        self,
        rules: RetryRules,
        backlog: Backlog,
        states: MessageStates,
        lookups: PendingLookups,
    ) -> None:
        self.bars: Callable[[Message], bool] = _bars_nothing
        self._rules = rules
        self._backlog = backlog
        self._states = states
        self._lookups = lookups

    def apply(
        self, now_ns: int, batch: Batch, results: Sequence[Result], effects: list[Effect]
    ) -> list[Ticket]:
        """Apply the results of ``batch`` to its tickets. Returns those that go back to their lane now."""
        early, repeats = self._states.early, batch.route.repeats
        back: list[Ticket] = []
        taken: list[Ticket] = []
        ids: list[str | None] = []
        # Not zip(strict=True), which takes 0.2 us longer: most batches have one message.
        for index, ticket in enumerate(batch.tickets):
            if ticket.state is not _SUBMITTING:
                continue  # its report came first
            result, report = results[index], None
            if result.outcome in TAKEN:
                provider_id = result.provider_id
                if not repeats:
                    self._lookups.claim(provider_id)
                if early.by_id:
                    report = early.take(provider_id)
                if report is None:
                    taken.append(ticket)
                    ids.append(provider_id)
                    continue
            if taken:
                self._states.accepted(now_ns, taken, ids, effects)
                taken, ids = [], []
            if report is not None:
                self._states.reported_early(now_ns, ticket, report, effects)
            elif self._apply_refusal(now_ns, batch, ticket, result, effects):
                back.append(ticket)
        if taken:
            self._states.accepted(now_ns, taken, ids, effects)
        return back

    def _apply_refusal(
        self, now_ns: int, batch: Batch, ticket: Ticket, result: Result, effects: list[Effect]
    ) -> bool:
        """Apply a result other than an acceptance. True if ``ticket`` goes back to its lane now."""
        message = ticket.message
        decision = decide(self._rules, now_ns, message, ticket.counted + 1, len(batch.tickets), result)
        if decision.uncertain and not batch.route.repeats:
            self._leave_unknown(now_ns, batch, ticket, result.reason, effects)
            return False
        return self._refused(now_ns, batch, ticket, result.reason, decision, effects)

    def _refused(
        self,
        now_ns: int,
        batch: Batch,
        ticket: Ticket,
        reason: str,
        decision: Decision,
        effects: list[Effect],
    ) -> bool:
        """No provider took ``ticket``, as far as is known. True if it goes back to its lane now."""
        states, message = self._states, ticket.message
        ticket.reason = reason
        ticket.counted += decision.counts
        ticket.solo = ticket.solo or decision.solo
        binds = decision.uncertain and not ticket.uncertain
        if binds:
            ticket.confined = False
            ticket.slot = 1 + batch.route.index
            ticket.expires_ns = min(message.expires_ns, batch.submitted_ns + batch.route.unknown_window_ns)
        if not ticket.uncertain:
            ticket.tried_ns = None
        # A refusal of a repeat does not say what became of the attempt without an answer.
        if decision.state is State.FAILED and not ticket.uncertain:
            states.closed(now_ns, ticket, State.FAILED, decision.reason, effects)
            return False
        is_over = ticket.uncertain and ticket.expires_ns <= now_ns
        if decision.state is State.FAILED or message.expires_ns <= now_ns or is_over:
            why = EXPIRED_UNCERTAIN if ticket.uncertain else EXPIRED_WAITING
            states.closed(now_ns, ticket, State.EXPIRED, why, effects)
            return False
        if not ticket.uncertain and (ticket.expires_ns <= now_ns or self.bars(message)):
            states.set_aside(ticket, effects)
            return False
        if binds:
            states.bound(now_ns, ticket, batch.submitted_ns, reason, effects)
        if decision.at_ns > now_ns:
            self._backlog.put_off(ticket, decision.at_ns)
            return False
        return True

    def _leave_unknown(
        self, now_ns: int, batch: Batch, ticket: Ticket, reason: str, effects: list[Effect]
    ) -> None:
        """The provider may have the message and refuses no repeats: look it up, and never repeat it."""
        route = batch.route
        ticket.reason = reason
        ticket.confined = False
        ticket.slot = 1 + route.index
        ticket.expires_ns = min(ticket.message.expires_ns, batch.submitted_ns + route.unknown_window_ns)
        if ticket.expires_ns <= now_ns:
            self._lookups.note_unanswered(now_ns, ticket, batch.submitted_ns, route.unknown_window_ns)
            self._states.closed(now_ns, ticket, State.EXPIRED, EXPIRED_UNCERTAIN, effects)
            return
        self._states.bound(now_ns, ticket, batch.submitted_ns, reason, effects)
        self._backlog.put_off(ticket, ticket.expires_ns)
        self._lookups.add(now_ns, ticket, batch.submitted_ns, route.unknown_window_ns)


def _bars_nothing(_: Message) -> bool:
    return False
