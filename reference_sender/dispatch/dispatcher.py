"""The sender's core: messages, answers, reports and the time go in; batches and changes come out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from reference_sender.dispatch.awaiting import Sent
from reference_sender.dispatch.backlog import Backlog
from reference_sender.dispatch.ledger import EXPIRED_UNCERTAIN, EXPIRED_WAITING, Ledger
from reference_sender.dispatch.lookups import PendingLookups
from reference_sender.dispatch.recovery import not_created_after, recovered_sent, tried_at
from reference_sender.dispatch.retry import SECOND_NS, decide, retry_rules
from reference_sender.dispatch.sending import Batch, Sending
from reference_sender.dispatch.settings import DispatchSettings
from reference_sender.dispatch.snapshot import DispatchState, RouteSnapshot
from reference_sender.dispatch.ticket import NOWHERE, SHARED, Ticket, lane_index
from reference_sender.dispatch.values import (
    Effect,
    Lane,
    Message,
    Recovered,
    Report,
    Result,
    RouteLimits,
    State,
)

TOO_LARGE = "more_segments_than_any_route_allows"

# An enum's member costs 0.2 us to look up (Python 3.11); these are looked up for every message.
_SUBMITTING = State.SUBMITTING
_SENT = State.SENT
_OTP = Lane.OTP


class Dispatcher:
    """Decides what to submit when, and what each message's state is. It has no side effects.

    Every call takes ``now_ns``, which never goes back, and returns the effects due by then, in the order in
    which they happened. The driver must call ``answered`` once for each ``SubmitBatch`` (with UNKNOWN if no
    answer came), or ``withdrawn`` if it did not send the request.

    The driver stores a message before it is offered. It stores a ``SubmitAttempt`` before its request is sent
    and keeps it until the changes of its answer are stored. It stores a ``Change`` before its cause is
    acknowledged (the OK to a delivery report). A change that is lost by a crash causes a repeat or a lookup
    on the same route, never a lost message.
    """

    def __init__(self, settings: DispatchSettings, routes: tuple[RouteLimits, ...], seed: int) -> None:
        """Raises ``ValueError``, naming all faults, if a route's limits allow nothing or names repeat."""
        _check_routes(routes)
        self._settings = settings
        self._rules = retry_rules(settings, seed)
        self._backlog = Backlog(len(routes), in_order=settings.order == "arrival")
        self._ledger = Ledger(settings, self._backlog)
        self._sending = Sending(settings, routes, seed, self._backlog, self._ledger)
        self._lookups = PendingLookups()
        self._looks_up = not all(route.repeats for route in self._sending.routes)
        self._largest = max(int(limits.segments_burst) for limits in routes)
        self._now_ns = 0

    def has_room(self, count: int, lane: Lane) -> bool:
        """Whether ``count`` more messages of ``lane`` fit in the backlog; ask before storing them."""
        limit = self._settings.max_backlog
        if lane is not _OTP and not self._backlog.in_order:
            limit -= self._settings.otp_reserved_backlog
        return len(self._backlog.tickets) + count <= limit

    def offer(self, now_ns: int, messages: Sequence[Message]) -> Sequence[Effect]:
        """Take in stored messages. A key that is already open is counted and otherwise ignored."""
        self._move_clock(now_ns)
        effects: list[Effect] = []
        totals = self._ledger.totals
        for message in messages:
            if self._ledger.knows(message.key):
                totals.duplicate_offers += 1
                continue
            totals.offered += 1
            ticket = self._backlog.add(message)
            if message.segments > self._largest:
                self._ledger.closed(now_ns, ticket, State.FAILED, TOO_LARGE, effects)
        self._run_due(now_ns, effects)
        return effects

    def foresee(self, now_ns: int, messages: Sequence[Message]) -> str | None:
        """The route on which all of ``messages``, at least one, would go out in one request if they were
        offered now; None if they would not, or if that is not certain. Only ``offer`` decides.
        """
        self._move_clock(now_ns)
        return self._sending.foresee(now_ns, messages)

    def answered(self, now_ns: int, batch_id: int, results: Sequence[Result]) -> Sequence[Effect]:
        """Take the results of a batch, one per message in the batch's order.

        Raises ``ValueError``, changing nothing, for a batch that is not in flight or a wrong number of
        results.
        """
        batch = self._sending.in_flight.get(batch_id)
        if batch is None:
            raise ValueError(f"batch {batch_id} is not in flight")
        if len(results) != len(batch.tickets):
            raise ValueError(f"batch {batch_id} has {len(batch.tickets)} messages, not {len(results)}")
        self._move_clock(now_ns)
        del self._sending.in_flight[batch_id]
        effects: list[Effect] = []
        back: list[Ticket] = []
        for ticket, result in zip(batch.tickets, results, strict=True):
            if self._settle(now_ns, batch, ticket, result, effects):
                back.append(ticket)
        if back:
            self._backlog.put_back(back)
        batch.route.answered(now_ns, batch.submitted_ns, results)
        self._drop_unclaimed()
        self._run_due(now_ns, effects)
        return effects

    def withdrawn(self, now_ns: int, batch_id: int) -> Sequence[Effect]:
        """A batch was not sent, since its attempt could not be made durable. Its messages are queued again.

        Raises ``ValueError``, changing nothing, for a batch that is not in flight.
        """
        batch = self._sending.in_flight.get(batch_id)
        if batch is None:
            raise ValueError(f"batch {batch_id} is not in flight")
        self._move_clock(now_ns)
        del self._sending.in_flight[batch_id]
        # A ticket may have ended meanwhile, by a report about an earlier attempt.
        self._backlog.give_back([each for each in batch.tickets if each.state is _SUBMITTING])
        batch.route.withdrawn()
        effects: list[Effect] = []
        self._drop_unclaimed()
        self._run_due(now_ns, effects)
        return effects

    def reported(self, now_ns: int, reports: Sequence[Report]) -> Sequence[Effect]:
        """Take delivery reports: in any order, repeated, before the answer, or after the end."""
        self._move_clock(now_ns)
        effects: list[Effect] = []
        submitting = bool(self._sending.in_flight)
        for report in reports:
            if self._looks_up and report.key is not None:
                self._lookups.claim(report.provider_id)
            self._ledger.reported(now_ns, report, submitting, effects)
        self._run_due(now_ns, effects)
        return effects

    def looked_up(self, now_ns: int, key: str, found: Sequence[Report] | None) -> Sequence[Effect]:
        """Learn what the provider has that may be the message of ``key``, oldest first; None: it did not say.

        Raises ``ValueError``, changing nothing, for a message that is not being looked up.
        """
        effects: list[Effect] = []
        ticket, report = self._lookups.answered(now_ns, key, found)
        self._move_clock(now_ns)
        if report is not None and ticket.state is State.QUEUED:
            self._lookups.claim(report.provider_id)
            self._ledger.reported_early(now_ns, ticket, report, effects)
        self._run_due(now_ns, effects)
        return effects

    def recover(self, now_ns: int, recovered: Iterable[Recovered]) -> Sequence[Effect]:
        """Take the open messages of an earlier process, or of another sender of the same store.

        A QUEUED one with a route is sent again with its key, on that route only, and only while the
        provider remembers the key. It is looked up instead if that provider refuses no repeats. If that route
        is no longer configured, it waits for its report and ends EXPIRED. One without a route was never
        submitted, so any route may take it.
        """
        self._move_clock(now_ns)
        effects: list[Effect] = []
        sent: list[tuple[str, Sent]] = []
        for each in recovered:
            self._ledger.totals.recovered += 1
            if each.state is _SENT:
                sent.append((each.message.key, recovered_sent(each, now_ns)))
            else:
                self._restore(now_ns, each, effects)
        sent.sort(key=lambda entry: entry[1].at_ns)
        latest_ns = self._ledger.awaiting.latest_ns
        for key, entry in sent:
            if entry.at_ns < latest_ns:  # of another sender: what is awaited is in the order of time
                entry = msgspec.structs.replace(entry, at_ns=latest_ns)
            self._ledger.awaiting.add(key, entry)
            if self._looks_up:
                self._lookups.claim(entry.provider_id)
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
        """Whether ``report`` is about a message of this dispatcher, as far as is known before all submits are
        answered."""
        return self._ledger.matches(report)

    def waiting(self, lane: Lane) -> int:
        """Messages of ``lane``, and of those above it, that wait for their submit."""
        return sum(self._backlog.waiting[: lane_index(lane) + 1])

    def _restore(self, now_ns: int, each: Recovered, effects: list[Effect]) -> None:
        message = not_created_after(each.message, now_ns)
        if each.route is None:
            ticket = self._backlog.restore(message, each.attempts, SHARED, None, message.expires_ns)
            if message.segments > self._largest:
                self._ledger.closed(now_ns, ticket, State.FAILED, TOO_LARGE, effects)
            return
        route = self._sending.route_for(each.route, message.segments)
        slot, expires_ns = NOWHERE, message.expires_ns
        if route is not None:
            tried_ns = tried_at(each, now_ns)
            slot = 1 + route.index
            expires_ns = min(expires_ns, tried_ns + route.unknown_window_ns)
        repeats = route is not None and route.repeats
        ticket = self._backlog.restore(message, each.attempts, slot, each.route, expires_ns, repeats)
        if route is not None and not repeats:
            self._lookups.add(now_ns, ticket, tried_ns)

    def _drop_unclaimed(self) -> None:
        if not self._sending.in_flight:
            self._ledger.totals.orphan_reports += self._ledger.early.drop_unclaimed()

    def next_deadline(self) -> int | None:
        """When ``advance`` must be called, unless another call comes first. None if nothing is pending."""
        # Compared one by one: this is asked after every call.
        deadline_ns = self._sending.wake_ns
        backlog_ns = self._backlog.next_ns()
        if backlog_ns is not None and (deadline_ns is None or backlog_ns < deadline_ns):
            deadline_ns = backlog_ns
        report_ns = self._ledger.awaiting.next_ns
        if report_ns is not None and (deadline_ns is None or report_ns < deadline_ns):
            deadline_ns = report_ns
        lookup_ns = self._lookups.next_ns()
        if lookup_ns is not None and (deadline_ns is None or lookup_ns < deadline_ns):
            deadline_ns = lookup_ns
        return deadline_ns

    def advance(self, now_ns: int) -> Sequence[Effect]:
        """Process what is due: expiries, retries, overdue reports, batches that waited for tokens."""
        self._move_clock(now_ns)
        effects: list[Effect] = []
        self._run_due(now_ns, effects)
        return effects

    @property
    def early_reports(self) -> int:
        """Reports kept for a submit that is unanswered yet; what they say is in no ``Change`` so far."""
        return len(self._ledger.early)

    def state(self) -> DispatchState:
        """The state at the last call."""
        backlog, sending = self._backlog, self._sending
        now_ns = self._now_ns
        routes = tuple(
            RouteSnapshot(
                name=route.name,
                breaker=route.breaker.state.value,
                breaker_opened=route.breaker.opened,
                in_flight=route.in_flight,
                paused_s=route.paused_ns(now_ns) / SECOND_NS,
                throttles=route.throttles,
                requests_per_s=route.limits.requests_per_s * route.share,
                segments_per_s=route.limits.segments_per_s * route.share,
                max_in_flight=route.max_in_flight,
            )
            for route in sending.routes
        )
        return DispatchState(
            queue_otp=backlog.waiting[0],
            queue_transactional=backlog.waiting[1],
            queue_marketing=backlog.waiting[2],
            between_attempts=sum(backlog.waiting) - sum(backlog.ready),
            in_flight=len(sending.in_flight),
            in_flight_messages=len(backlog.tickets) - sum(backlog.waiting),
            awaiting_report=len(self._ledger.awaiting.index.by_key),
            early_reports=len(self._ledger.early),
            totals=msgspec.structs.asdict(self._ledger.totals),
            routes=routes,
            waited_s={what: ns / SECOND_NS for what, ns in sending.waited_ns.items()},
        )

    def _settle(
        self, now_ns: int, batch: Batch, ticket: Ticket, result: Result, effects: list[Effect]
    ) -> bool:
        """Carry out what the attempt's result means for ``ticket``; True if it goes back to its lane now."""
        if ticket.state is not _SUBMITTING:
            return False  # its report came first
        ledger = self._ledger
        message = ticket.message
        decision = decide(self._rules, now_ns, message, ticket.counted + 1, len(batch.tickets), result)
        if decision.state is _SENT:
            if not batch.route.repeats:
                self._lookups.claim(result.provider_id)
            early = ledger.early.take(result.provider_id) if len(ledger.early) else None
            if early is not None:
                ledger.reported_early(now_ns, ticket, early, effects)
            else:
                ledger.taken(now_ns, ticket, result.provider_id, effects)
            return False
        if decision.uncertain and not batch.route.repeats:
            self._leave_unknown(now_ns, batch, ticket, result.reason, effects)
            return False
        ticket.counted += decision.counts
        ticket.solo = ticket.solo or decision.solo
        binds = decision.uncertain and ticket.slot == SHARED
        if binds:
            ticket.slot = 1 + batch.route.index
            ticket.expires_ns = min(ticket.expires_ns, batch.submitted_ns + batch.route.unknown_window_ns)
        if decision.state is State.FAILED:
            ledger.closed(now_ns, ticket, State.FAILED, decision.reason, effects)
            return False
        if ticket.expires_ns <= now_ns:
            reason = EXPIRED_UNCERTAIN if ticket.uncertain else EXPIRED_WAITING
            ledger.closed(now_ns, ticket, State.EXPIRED, reason, effects)
            return False
        if binds:
            ledger.bound(now_ns, ticket, batch.submitted_ns, result.reason, effects)
        if decision.at_ns > now_ns:
            self._backlog.put_off(ticket, decision.at_ns)
            return False
        return True

    def _leave_unknown(
        self, now_ns: int, batch: Batch, ticket: Ticket, reason: str, effects: list[Effect]
    ) -> None:
        """The provider may have the message and refuses no repeats: look it up, and never repeat it."""
        route = batch.route
        ticket.slot = 1 + route.index
        ticket.expires_ns = min(ticket.expires_ns, batch.submitted_ns + route.unknown_window_ns)
        if ticket.expires_ns <= now_ns:
            self._ledger.closed(now_ns, ticket, State.EXPIRED, EXPIRED_UNCERTAIN, effects)
            return
        self._ledger.bound(now_ns, ticket, batch.submitted_ns, reason, effects)
        self._backlog.put_off(ticket, ticket.expires_ns)
        self._lookups.add(now_ns, ticket, batch.submitted_ns)

    def _run_due(self, now_ns: int, effects: list[Effect]) -> None:
        backlog = self._backlog
        due_ns = backlog.next_ns()
        if due_ns is not None and due_ns <= now_ns:
            for ticket in backlog.take_expired(now_ns):
                self._ledger.expired(now_ns, ticket, effects)
            backlog.wake_retries(now_ns)
        due_ns = self._ledger.awaiting.next_ns
        if due_ns is not None and due_ns <= now_ns:
            self._ledger.give_up_overdue(now_ns, effects)
        lookup_ns = self._lookups.next_ns()
        if lookup_ns is not None and lookup_ns <= now_ns:
            self._lookups.run(now_ns, effects)
        self._sending.pump(now_ns, effects)

    def _move_clock(self, now_ns: int) -> None:
        if now_ns < self._now_ns:
            raise ValueError(f"time went back from {self._now_ns} to {now_ns}")
        self._now_ns = now_ns


def _check_routes(routes: Sequence[RouteLimits]) -> None:
    faults = [] if routes else ["there must be at least one route"]
    if len({limits.name for limits in routes}) < len(routes):
        faults.append("routes must have different names")
    for limits in routes:
        for name in ("requests_per_s", "segments_per_s"):
            if not getattr(limits, name) >= 1e-6:
                faults.append(f"{limits.name}: {name} must be at least 0.000001")
        for name in ("requests_burst", "segments_burst", "max_batch", "max_in_flight"):
            if not getattr(limits, name) >= 1:
                faults.append(f"{limits.name}: {name} must be at least 1")
    if faults:
        raise ValueError("; ".join(faults))
