"""The sender's core: it gets messages, answers, reports and the time, and returns batches and changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from reference_sender.dispatch.at_once import AtOnce
from reference_sender.dispatch.attempt_results import AttemptResults
from reference_sender.dispatch.backlog import Backlog
from reference_sender.dispatch.campaign_figures import CountedCampaigns
from reference_sender.dispatch.choice import RouteChoice
from reference_sender.dispatch.hedging import SecondMessages, hedging_of
from reference_sender.dispatch.lookups import PendingLookups
from reference_sender.dispatch.message_states import AfterStep, MessageStates
from reference_sender.dispatch.recovering import TOO_LARGE, Recovering
from reference_sender.dispatch.retry import retry_rules
from reference_sender.dispatch.route import RouteState, check_routes
from reference_sender.dispatch.sending import Sending
from reference_sender.dispatch.settings import DispatchSettings
from reference_sender.dispatch.snapshot import DispatchState, kept_entries, snapshot
from reference_sender.dispatch.ticket import lane_index
from reference_sender.dispatch.unreported import unreported_of
from reference_sender.dispatch.values import (
    FINAL_STATES,
    Effect,
    EndedMessage,
    Lane,
    Message,
    Recovered,
    Report,
    Result,
    RouteLimits,
    State,
    is_hedge,
)

_ALWAYS_OPEN: Mapping[int, int] = {}
_OTP = Lane.OTP  # a name of its own: see ``values.py``


class Dispatcher:
    """Decides what to submit when, and what each message's state is. It has no side effects.

    Every call takes ``now_ns``, which never goes back, and returns the effects due by then, in the order in
    which they happened. The driver must call ``answered`` once for each ``SubmitBatch`` (with UNKNOWN if no
    answer came), or ``withdrawn`` if it did not send the request. It asks ``may_still_go`` before it sends
    one for which it had to wait.

    The driver stores a message before it is offered. It stores a ``SubmitAttempt`` before its request is sent
    and keeps it until the changes of its answer are stored. It stores a ``Change`` before its cause is
    acknowledged (the OK to a delivery report). A change that is lost by a crash causes a repeat or a lookup
    on the same route, never a lost message.
    """

    def __init__(self, settings: DispatchSettings, routes: tuple[RouteLimits, ...], seed: int) -> None:
        """Raises ``ValueError``, naming all faults, if a route's limits allow nothing or names repeat."""
        check_routes(routes)
        self._settings = settings
        self._backlog = Backlog(len(routes), in_order=settings.order == "arrival")
        self.routes = states = [RouteState(n, each, settings, seed) for n, each in enumerate(routes)]
        self._choice = RouteChoice(settings, states) if len(states) > 1 else None
        self.campaigns = CountedCampaigns(routes)
        self.tickets = self._backlog.tickets  # by key; only to be read by others
        self._states = MessageStates(settings, self._backlog, self._choice, self.campaigns)
        # Of the last call of those that take reports, answers or lookups. The store may have ended their
        # messages: then call ``found_ended``. Of several senders another one may have the ``firsts``.
        self.unmatched = self._states.unmatched
        # Reports kept for a submit that is not answered yet. No ``Change`` contains them so far.
        self.early = self._states.early
        self.totals = self._states.totals  # a node adds the reports that its store has counted
        self._hedging = hedging_of(settings, self._states, self._choice, states)
        self._sending = Sending(settings, states, self._backlog, self._states, self._choice, self._hedging)
        self._lookups = PendingLookups()
        self._looks_up = not all(route.repeats for route in self._sending.routes)
        self._seconds = SecondMessages(self._backlog, self._states, self._choice if self._hedging else None)
        self._unreported = unreported_of(settings, self._states.awaiting, self._backlog, states)
        one_route = self._choice is None and self._hedging is None and self._unreported is None
        self._at_once = AtOnce(self._backlog, self._states, self.campaigns, self._sending, one_route)
        self._results = AttemptResults(
            retry_rules(settings, seed), self._backlog, self._states, self._lookups
        )
        lookups = self._lookups if self._looks_up else None
        self._timers = [each for each in (lookups, self._hedging, self._unreported) if each is not None]
        self._restoring = Recovering(
            self._backlog, self._sending, self._states, self._lookups, self._seconds, self._unreported
        )
        self._now_ns = 0
        self._next_due_ns: int | None = None  # of everything that waits for a time, except batches

    def has_room(self, count: int, lane: Lane) -> bool:
        """Whether ``count`` more messages of ``lane`` fit in the backlog; ask before storing them."""
        limit = self._settings.max_backlog
        if lane is not _OTP and not self._backlog.in_order:
            limit -= self._settings.otp_reserved_backlog
        return len(self._backlog.tickets) + count <= limit

    def offer(
        self, now_ns: int, messages: Sequence[Message], closes: Mapping[int, int] = _ALWAYS_OPEN
    ) -> Sequence[Effect]:
        """Take in stored messages. A message whose key is already open is counted and otherwise ignored.
        ``closes`` has, by message id, from when on a message may not be sent. It is then set aside.
        """
        self._move_clock(now_ns)
        effects: list[Effect] = []
        if self._at_once.try_submit(now_ns, messages, closes, self._next_due_ns, effects):
            return effects
        backlog, states, largest = self._backlog, self._states, self._restoring.largest
        totals, waiting, sent = states.totals, backlog.tickets, states.awaiting.index.by_key
        for message in messages:
            key = message.key
            if key in waiting or key in sent:
                totals.duplicate_offers += 1
                continue
            totals.offered += 1
            if self.campaigns.may_have_seconds and is_hedge(key):
                self._seconds.offer(now_ns, message, closes, effects)
                continue
            until_ns = message.expires_ns
            if closes:
                until_ns = min(until_ns, closes.get(message.message_id, until_ns))
            ticket = backlog.add(message, until_ns)
            if until_ns <= now_ns:
                backlog.watch_fresh()
            if states.tried:
                states.resumed(ticket)
            if message.segments > largest:
                states.closed(now_ns, ticket, State.FAILED, TOO_LARGE, effects)
        self._run_due(now_ns, effects)
        return effects

    def predict_route(self, now_ns: int, messages: Sequence[Message]) -> str | None:
        """The route on which all of ``messages`` (at least one) would be sent in one request if they were
        offered now. None if they would not, or if it is uncertain. Only ``offer`` decides.
        """
        self._move_clock(now_ns)
        if self._hedging is not None and any(is_hedge(message.key) for message in messages):
            return None
        return self._sending.predict_route(now_ns, messages)

    def answered(self, now_ns: int, batch_id: int, results: Sequence[Result]) -> Sequence[Effect]:
        """Take the results of a batch, one per message in the batch's order.

        Raises ``ValueError``, changing nothing, for a batch that is not in flight or a wrong number of
        results.
        """
        batch = self._sending.batch(batch_id)
        if len(results) != len(batch.tickets):
            raise ValueError(f"batch {batch_id} has {len(batch.tickets)} messages, not {len(results)}")
        self._move_clock(now_ns)
        self.unmatched.clear()
        del self._sending.in_flight[batch_id]
        effects: list[Effect] = []
        if self._at_once.try_accept(now_ns, batch, results, self._next_due_ns, effects):
            return effects
        back = self._results.apply(now_ns, batch, results, effects)
        if back:
            self._backlog.put_back(back)
        failed = batch.route.answered(now_ns, batch.submitted_ns, results)
        if self._choice is not None:
            self._choice.answered(now_ns, batch.route, failed)
        self._drop_unclaimed()
        self._run_due(now_ns, effects)
        return effects

    def withdrawn(self, now_ns: int, batch_id: int) -> Sequence[Effect]:
        """A batch was not sent, since its attempt could not be made durable. Its messages are queued again.
        Raises ``ValueError``, changing nothing, for a batch that is not in flight.
        """
        batch = self._sending.batch(batch_id)
        self._move_clock(now_ns)
        del self._sending.in_flight[batch_id]
        # A ticket may have ended meanwhile, by a report about an earlier attempt.
        back = [each for each in batch.tickets if each.state is State.SUBMITTING]
        self._backlog.give_back(back)
        batch.route.withdrawn()
        effects: list[Effect] = []
        self._states.set_aside_of(back, self._results.bars, effects)
        self._drop_unclaimed()
        self._run_due(now_ns, effects)
        return effects

    def may_still_go(self, now_ns: int, batch_id: int) -> bool:
        """Whether a batch whose attempt is durable by now may be sent: none of its messages has expired. If
        it may not, call ``withdrawn``.
        """
        return all(ticket.expires_ns > now_ns for ticket in self._sending.in_flight[batch_id].tickets)

    def reported(self, now_ns: int, reports: Sequence[Report]) -> Sequence[Effect]:
        """Take delivery reports: in any order, also repeated ones, before the answer, or after the message is
        final.
        """
        self._move_clock(now_ns)
        effects: list[Effect] = []
        self.unmatched.clear()
        # A report without our key may be about a message that a lookup on its way finds as not yet ended.
        submitting = bool(self._sending.in_flight) or (self._looks_up and self._lookups.asking)
        if self._looks_up:
            for report in reports:
                if report.key is not None:
                    self._lookups.claim(report.provider_id)
        self._states.reported(now_ns, reports, submitting, effects)
        self._run_due(now_ns, effects)
        return effects

    def found_ended(
        self, now_ns: int, ended: Sequence[EndedMessage], reports: Iterable[Report]
    ) -> Sequence[Effect]:
        """Apply the unmatched ``reports`` to ``ended``, what they are about. New ``firsts`` may follow."""
        self._move_clock(now_ns)
        effects: list[Effect] = []
        self.unmatched.clear()
        self._states.found(now_ns, ended, reports, effects)
        self._run_due(now_ns, effects)
        return effects

    def looked_up(self, now_ns: int, key: str, found: Sequence[Report] | None) -> Sequence[Effect]:
        """Take the result of a lookup: the provider's messages that may be the one of ``key``, oldest first,
        without those that the store has as others. None: the provider gave no result.

        Raises ``ValueError``, changing nothing, for a message that is not being looked up.
        """
        effects: list[Effect] = []
        ticket, report = self._lookups.answered(now_ns, key, found, self._sending.unchecked())
        self._move_clock(now_ns)
        self.unmatched.clear()
        if report is not None and ticket.state is State.QUEUED:
            self._lookups.claim(report.provider_id)
            early = self._states.early.take(report.provider_id)
            newest = report if early is None or report.state in FINAL_STATES else early
            self._states.reported_early(now_ns, ticket, newest, effects)
        self._drop_unclaimed()
        self._run_due(now_ns, effects)
        return effects

    def status_found(self, now_ns: int, key: str, report: Report | None) -> Sequence[Effect]:
        """Take the answer to an ``AskReport``; None: the provider gave none.

        Raises ``ValueError``, changing nothing, for a message that has no status query.
        """
        if self._unreported is None:
            raise ValueError(f"{key} was not asked about")
        final = report is not None and report.state in FINAL_STATES
        self._unreported.answered(now_ns, key, final)
        self._states.totals.ended_by_query += final and key in self._states.awaiting.index.by_key
        return self.reported(now_ns, [report] if final and report is not None else [])

    def bar(self, bars: Callable[[Message], bool]) -> None:
        """From now on set aside each message for which ``bars`` is true instead of queueing it again."""
        self._results.bars = bars

    def set_aside(self, now_ns: int, bars: Callable[[Message], bool] | None = None) -> Sequence[Effect]:
        """Set aside the waiting messages that ``bars`` bars, or those that are barred by now, except those
        that a provider may have, and those in flight until they are refused. It reads the whole backlog.
        """
        self._move_clock(now_ns)
        effects: list[Effect] = []
        self._states.set_aside_of(list(self._backlog.tickets.values()), bars or self._results.bars, effects)
        self._run_due(now_ns, effects)
        return effects

    def forget(self, messages: Collection[Message]) -> None:
        """These messages were set aside, and another sender takes them."""
        for message in messages:
            self._states.tried.pop(message.message_id, None)
        self.campaigns.left(messages)

    def set_wall(self, now_ns: int, ahead_ns: int, after: AfterStep) -> Sequence[Effect]:
        """The wall clock is ``ahead_ns`` ahead of this one now. As ``MessageStates.set_wall``."""
        self._move_clock(now_ns)
        effects: list[Effect] = []
        self._states.set_wall(ahead_ns, after, effects)
        self._run_due(now_ns, effects)
        return effects

    def end(self, now_ns: int, ended: Iterable[tuple[Message, State, str]]) -> Sequence[Effect]:
        """Messages that were set aside, or never offered, end as FAILED or EXPIRED, for these reasons."""
        self._move_clock(now_ns)
        effects: list[Effect] = []
        for message, state, reason in ended:
            self._states.ended(now_ns, message, state, reason, effects)
        self._run_due(now_ns, effects)
        return effects

    def recover(
        self, now_ns: int, recovered: Iterable[Recovered], closes: Mapping[int, int] = _ALWAYS_OPEN
    ) -> Sequence[Effect]:
        """Take the open messages of an earlier process or another sender. ``closes`` is that of ``offer``.

        A QUEUED one with a route is sent again with its key, on that route only, and only while the
        provider remembers the key. It is looked up instead if that provider refuses no repeats. If that route
        is no longer configured, it waits for its report and ends EXPIRED. One without a route was never
        submitted, so any route may take it.
        """
        self._move_clock(now_ns)
        effects: list[Effect] = []
        self._restoring.take(now_ns, recovered, closes, effects)
        self._run_due(now_ns, effects)
        return effects

    def expect_sent(self) -> None:
        """SENT messages of an earlier process follow with ``recover_sent``. Until then call none of
        ``reported``, ``found_ended`` and ``looked_up``, and recover no second message: all need them.
        """
        self._states.awaiting.complete = False

    def recover_sent(self, now_ns: int, page: Iterable[Recovered], left: int) -> Sequence[Effect]:
        """Take SENT messages of an earlier process, in the order in which they were sent. ``left`` more
        follow. They count as open once all are known.
        """
        self._move_clock(now_ns)
        effects: list[Effect] = []
        self._restoring.take_sent(now_ns, page, complete=not left)
        self._run_due(now_ns, effects)
        return effects

    def divide(self, now_ns: int, share: float) -> Sequence[Effect]:
        """Use this share, from 0 to 1, of the limits of every route from now on: other senders use the rest.
        Raises ``ValueError`` if a limit of the share allows nothing.
        """
        self._move_clock(now_ns)
        for route in self._sending.routes:
            route.divide(now_ns, share)
        effects: list[Effect] = []
        self._run_due(now_ns, effects)
        return effects

    def knows(self, report: Report) -> bool:
        """Whether ``report`` is about a message of this dispatcher, as far as known before an answer."""
        return self._states.matches(report)

    def ready(self, lane: Lane) -> int:
        """Messages of ``lane``, and of those above it, that any route may send now."""
        return self._backlog.for_any_route(lane_index(lane))

    def _drop_unclaimed(self) -> None:
        if self.early.by_id and not self._lookups.asking:
            oldest = next(iter(self._sending.in_flight), None)
            self.totals.orphan_reports += self.early.drop_answered(oldest)

    def next_deadline(self) -> int | None:
        """When ``advance`` must be called, unless another call comes first. None if nothing is pending."""
        wake_ns, due_ns = self._sending.wake_ns, self._next_due_ns
        if wake_ns is None or due_ns is None:
            return due_ns if wake_ns is None else wake_ns
        return wake_ns if wake_ns < due_ns else due_ns

    def advance(self, now_ns: int) -> Sequence[Effect]:
        """Process what is due: expiries, retries, overdue reports, batches that waited for tokens."""
        self._move_clock(now_ns)
        effects: list[Effect] = []
        self._run_due(now_ns, effects)
        return effects

    @property
    def open_messages(self) -> int:
        """Messages that have not ended."""
        return len(self._backlog.tickets) + len(self._states.awaiting.index.by_key)

    def kept(self) -> dict[str, int]:
        """Entries of the tables that are empty when nothing is open."""
        hedges = 0 if self._hedging is None else self._hedging.kept
        return kept_entries(self._backlog, self._states, self._lookups) | {"hedges": hedges}

    def state(self, now_ns: int) -> DispatchState:
        """The state as of ``now_ns``. It does nothing that is due."""
        return snapshot(now_ns, self._backlog, self._sending, self._states, self._choice)

    def _run_due(self, now_ns: int, effects: list[Effect]) -> None:
        """Every input ends with this. What is pending afterwards changes only with another input."""
        due_ns = self._due_ns()
        if due_ns is not None and due_ns <= now_ns:
            for ticket in self._backlog.take_expired(now_ns):
                self._states.expired(now_ns, ticket, effects)
            self._backlog.wake_retries(now_ns)
            self._states.give_up_overdue(now_ns, effects)
            for timer in self._timers:
                timer.run(now_ns, effects)
            due_ns = self._due_ns()
        self._sending.pump(now_ns, effects)
        # A submit begins the time of an OTP that is hedged.
        if (self._backlog.fresh and self._backlog.watch_fresh()) or self._hedging:
            due_ns = self._due_ns()
        self._next_due_ns = due_ns

    def _due_ns(self) -> int | None:
        """When an expiry, a retry, an overdue report or a lookup is due."""
        due_ns = self._backlog.next_ns()
        report_ns = self._states.awaiting.next_ns
        if report_ns is not None and (due_ns is None or report_ns < due_ns):
            due_ns = report_ns
        for timer in self._timers:
            next_ns = timer.next_ns()
            if next_ns is not None and (due_ns is None or next_ns < due_ns):
                due_ns = next_ns
        return due_ns

    def _move_clock(self, now_ns: int) -> None:
        if now_ns < self._now_ns:
            raise ValueError(f"time went back from {self._now_ns} to {now_ns}")
        self._now_ns = now_ns
