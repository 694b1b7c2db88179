"""The state of every message: it writes the durable changes and matches reports to messages.

Changes are written for SENT, for ends, and when an attempt without an answer binds a message to its route.
While an attempt is in flight the store has it as a ``SubmitAttempt``, which the driver writes before the
request goes out. A refused attempt is not stored: after a crash only its count is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from reference_sender.dispatch.awaiting import Awaiting, EarlyReports, Ended, Sent, SentIndex, with_id
from reference_sender.dispatch.backlog import Backlog
from reference_sender.dispatch.campaign_figures import CountedCampaigns, counted_under
from reference_sender.dispatch.choice import RouteChoice
from reference_sender.dispatch.figures import Figures, begun_ns
from reference_sender.dispatch.settings import DispatchSettings
from reference_sender.dispatch.states import moved, raises_rank
from reference_sender.dispatch.stored_instants import recovered_ended
from reference_sender.dispatch.ticket import NOWHERE, Ticket, lane_index
from reference_sender.dispatch.totals import Totals
from reference_sender.dispatch.unmatched import Unmatched
from reference_sender.dispatch.values import (
    FINAL_STATES,
    NS_PER_S,
    REPORTED_UNKNOWN,
    Change,
    Effect,
    EndedMessage,
    Message,
    Report,
    SetAside,
    State,
    is_hedge,
    key_of_first,
    key_of_second,
)

EXPIRED_WAITING = "expired"  # its deadline came before a provider accepted it
EXPIRED_UNCERTAIN = "outcome_unknown"  # a provider may have it: no safe repeat and no lookup showed it
EXPIRED_UNREPORTED = "no_report"  # accepted by the provider, but no report came
NOT_NEEDED = "second_not_needed"  # the first message ended before the second was submitted
DELIVERED_BY_SECOND = "delivered_by_second"  # its second message was delivered (hedging.py)
EXPIRED_NOWHERE = "route_removed"  # as before, and its route is no longer configured
# Of a message that ended for one of these reasons nothing says whether the phone has it.
UNCERTAIN_REASONS = frozenset({EXPIRED_UNCERTAIN, EXPIRED_UNREPORTED, EXPIRED_NOWHERE, REPORTED_UNKNOWN})

# Names of their own: see ``values.py``.
_SENT, _DELIVERED = State.SENT, State.DELIVERED

# A message after a step of the wall clock, and until when it may be sent.
AfterStep = Callable[[Message], tuple[Message, int]]


class MessageStates:
    """Awaited, early and late reports, and the totals."""

    def __init__(
        self,
        settings: DispatchSettings,
        backlog: Backlog,
        choice: RouteChoice | None,
        campaigns: CountedCampaigns,
    ) -> None:
        self.totals = Totals()
        self.figures = Figures()
        self.wall_ahead_ns = 0  # how far the wall clock is ahead of the dispatcher's
        # Of messages that were set aside, by id: their attempts, and those that count towards the limit.
        self.tried: dict[int, tuple[int, int]] = {}
        self._campaigns = campaigns
        self.awaiting = Awaiting(int(settings.report_timeout_s * NS_PER_S))
        self.early = EarlyReports(settings.early_reports)
        self.past = Ended(settings.late_reports)  # messages that ended, for late reports
        self.unmatched = Unmatched()  # of the last call
        self._backlog = backlog
        if settings.hedge_otp_after_s is not None:
            campaigns.expect_seconds()
        self._choice = choice  # None with one route: nothing is measured then

    def matches(self, report: Report) -> bool:
        """Whether ``report`` can be matched now, without the answer to a submit in flight."""
        if report.key is not None and report.key in self._backlog.tickets:
            return True
        return self.awaiting.index.find(report) is not None or self.past.index.find(report) is not None

    def accepted(
        self, now_ns: int, tickets: Sequence[Ticket], ids: Sequence[str | None], effects: list[Effect]
    ) -> None:
        """A provider has these messages of one batch, with the ids that it gave them."""
        first = tickets[0]
        lane, route, choice = first.lane, first.route, self._choice
        self._hand_over(tickets)
        handovers, wall_ahead_ns = self.figures.handovers[lane], self.wall_ahead_ns
        carrier, may_be_second = "", self._campaigns.may_have_seconds
        sent: list[tuple[str, Sent]] = []
        # Not zip(strict=True), which takes 0.2 us longer: most batches have one message.
        for index, ticket in enumerate(tickets):
            message, attempts, provider_id = ticket.message, ticket.attempts, ids[index]
            since_ns = message.created_ns
            if message.not_before_ns or since_ns > now_ns:
                since_ns = begun_ns(now_ns, message, wall_ahead_ns)
            handovers.add(now_ns - since_ns)
            message_id, key, campaign = message.message_id, message.key, message.campaign
            if may_be_second:
                campaign = counted_under(message)
            if choice is not None:
                carrier = choice.carrier_of(message)
                choice.accepted(now_ns, route)
            entry = Sent(
                message_id, attempts, provider_id, now_ns, lane, since_ns, _SENT, route, carrier, campaign
            )
            sent.append((key, entry))
            effects.append(Change(message_id, key, _SENT, "", provider_id, attempts, now_ns, route))
        self.awaiting.add(now_ns, sent)

    def _hand_over(self, tickets: Sequence[Ticket]) -> None:
        """A provider has these messages of one batch."""
        self._backlog.end_all(tickets, _SENT)
        self.totals.sent += len(tickets)
        self._campaigns.accepted_by_provider(tickets, tickets[0].route)

    def reported_early(self, now_ns: int, ticket: Ticket, report: Report, effects: list[Effect]) -> None:
        """A provider has the message: ``report`` says so, before or instead of the submit's answer."""
        if report.state not in FINAL_STATES:
            self.accepted(now_ns, [ticket], [report.provider_id], effects)
            return
        self._hand_over([ticket])
        message = ticket.message
        begun = begun_ns(now_ns, message, self.wall_ahead_ns)
        self.figures.handovers[ticket.lane].add(now_ns - begun)
        sent = Sent(
            message.message_id,
            ticket.attempts,
            report.provider_id or None,  # none if its second message was delivered
            now_ns,
            ticket.lane,
            begun,
            route=ticket.route,
            campaign=counted_under(message),
        )
        self._reached(now_ns, message.key, sent, report.state, report.reason, effects)

    def closed(self, now_ns: int, ticket: Ticket, state: State, reason: str, effects: list[Effect]) -> None:
        """The message ends before a provider accepted it, as FAILED or EXPIRED."""
        self._backlog.end(ticket, state)
        self.note_closed(now_ns, ticket, reason, effects)

    def note_closed(self, now_ns: int, ticket: Ticket, reason: str, effects: list[Effect]) -> None:
        """Record the final state of a ticket that has already left the backlog."""
        message, attempts, route = ticket.message, ticket.attempts, ticket.route
        if ticket.uncertain:  # the provider may have it: a report would show that
            lane, begun = ticket.lane, begun_ns(now_ns, message, self.wall_ahead_ns)
            at_ns, campaign = now_ns + self.wall_ahead_ns, counted_under(message)
            ended = Sent(message.message_id, attempts, None, at_ns, lane, begun, ticket.state, route)
            self.past.add(message.key, replace(ended, campaign=campaign))
        self._count(ticket.state)
        self._campaigns.ended_unsent(message, ticket.state)
        self.figures.not_delivered(ticket.lane, ticket.state, reason)
        effects.append(
            Change(message.message_id, message.key, ticket.state, reason, None, attempts, now_ns, route)
        )

    def set_aside(self, ticket: Ticket, effects: list[Effect]) -> None:
        """The message leaves the dispatcher unsent, and is not final."""
        self._backlog.end(ticket, State.EXPIRED)
        self.note_set_aside(ticket, effects)

    def set_aside_of(
        self, tickets: Iterable[Ticket], bars: Callable[[Message], bool], effects: list[Effect]
    ) -> None:
        """Set aside those of ``tickets`` that wait, that no provider may have, and that ``bars`` bars."""
        for ticket in tickets:
            if not ticket.uncertain and ticket.state is State.QUEUED and bars(ticket.message):
                self.set_aside(ticket, effects)

    def set_wall(self, ahead_ns: int, after: AfterStep, effects: list[Effect]) -> None:
        """The wall clock is ``ahead_ns`` ahead. A waiting message that may now be sent until another instant
        is set aside. One in flight is set aside when it is refused after that instant. The rules do not apply
        to a message that the provider may have; it is repeated.
        """
        self.wall_ahead_ns = ahead_ns
        if self._choice is not None:
            self._choice.wall_ahead_ns = ahead_ns
        for ticket in list(self._backlog.tickets.values()):
            if ticket.uncertain:
                continue
            message, until_ns = after(ticket.message)
            until_ns = min(until_ns, message.expires_ns)
            if ticket.state is not State.QUEUED:
                ticket.message = message
                ticket.expires_ns = until_ns  # no index has the instant of a ticket in flight
            elif until_ns != ticket.expires_ns:
                ticket.message = message
                self.set_aside(ticket, effects)

    def note_set_aside(self, ticket: Ticket, effects: list[Effect]) -> None:
        """As ``set_aside``, of a ticket that has already left the backlog."""
        self.totals.set_aside += 1
        if ticket.attempts:
            self.tried[ticket.message.message_id] = (ticket.attempts, ticket.counted)
        effects.append(SetAside(ticket.message))

    def resumed(self, ticket: Ticket) -> None:
        """The message is offered, perhaps again: the attempts from before it was set aside count."""
        ticket.attempts, ticket.counted = self.tried.pop(ticket.message.message_id, (0, 0))

    def ended(self, now_ns: int, message: Message, state: State, reason: str, effects: list[Effect]) -> None:
        """Record the final state of a message that was set aside, or never offered."""
        attempts, _ = self.tried.pop(message.message_id, (0, 0))
        self._count(state)
        self._campaigns.ended_unsent(message, state)
        self.figures.not_delivered(lane_index(message.lane), state, reason)
        effects.append(Change(message.message_id, message.key, state, reason, None, attempts, now_ns))

    def expired(self, now_ns: int, ticket: Ticket, effects: list[Effect]) -> None:
        """Record that ``ticket``, already EXPIRED and out of the backlog, passed its deadline. If that is not
        the message's own, but the end of its recipient's opening hours, the message is set aside.
        """
        if not ticket.uncertain and ticket.message.expires_ns > now_ns:
            self.note_set_aside(ticket, effects)
            return
        if ticket.slot == NOWHERE:
            reason = EXPIRED_NOWHERE
        else:
            reason = EXPIRED_UNCERTAIN if ticket.uncertain else EXPIRED_WAITING
        self.note_closed(now_ns, ticket, reason, effects)

    def bound(self, now_ns: int, ticket: Ticket, tried_ns: int, reason: str, effects: list[Effect]) -> None:
        """Only the route of the last attempt, made at ``tried_ns``, may repeat the message from now on."""
        message = ticket.message
        effects.append(
            Change(
                message.message_id,
                message.key,
                State.QUEUED,
                reason,
                None,
                ticket.attempts,
                now_ns,
                ticket.route,
                tried_ns,
            )
        )

    def reported(
        self, now_ns: int, reports: Iterable[Report], submitting: bool, effects: list[Effect]
    ) -> None:
        """Match delivery reports. ``submitting`` says whether any submit is unanswered."""
        awaiting = self.awaiting.index
        take, may_be_second = awaiting.take_reported, self._campaigns.may_have_seconds
        delivered: list[tuple[str, Sent, str]] = []
        for report in reports:
            state = report.state
            if state is _DELIVERED and (found := take(report)) is not None:
                key, sent = found
                delivered.append((key, sent, report.reason))
                if not may_be_second:  # the end of one message may be that of another one
                    continue
            if delivered:
                self._delivered(now_ns, delivered, effects)
                delivered = []
                if may_be_second:
                    continue
            about = awaiting.find(report)
            if about is None:
                self._reported_other(now_ns, report, submitting, effects)
            elif state in FINAL_STATES:
                sent = with_id(awaiting.pop(about), report)
                self._reached(now_ns, about, sent, state, report.reason, effects)
            else:
                self.totals.repeated_reports += 1
        if delivered:
            self._delivered(now_ns, delivered, effects)

    def _reported_other(self, now_ns: int, report: Report, submitting: bool, effects: list[Effect]) -> None:
        """No message awaits ``report``."""
        ticket = self._backlog.tickets.get(report.key) if report.key is not None else None
        if ticket is not None and (ticket.attempts or ticket.uncertain):
            # Recorded now and not with the answer: an acknowledged report is not repeated.
            self.reported_early(now_ns, ticket, report, effects)
        elif (key := self.past.index.find(report)) is not None:
            self.reported_late(now_ns, key, report, effects)
        else:
            if report.state is _DELIVERED:
                self.unmatched.reports.append(report)
                # A crash may have come before the change of its first message was stored.
                if report.key is not None and is_hedge(report.key):
                    self.end_first(now_ns, report.key, effects)
            is_kept = report.key is None and submitting and self.early.keep(report)
            if not is_kept and report.reason != DELIVERED_BY_SECOND:  # which is of no provider
                self.totals.orphan_reports += 1

    def found(
        self, now_ns: int, ended: Sequence[EndedMessage], reports: Iterable[Report], effects: list[Effect]
    ) -> None:
        """Apply ``reports``, which were unmatched, to the messages that they are about."""
        index, unkept, known = self.past.index, SentIndex(), {each.message.key: each for each in ended}
        for each in known.values():  # once, also if its report came again
            if each.state is not _DELIVERED and each.message.key not in index.by_key:
                if not self.past.had(each.ended_ns):
                    self._campaigns.ended_elsewhere(counted_under(each.message), each.state)
                unkept.add(each.message.key, recovered_ended(each, now_ns, self.wall_ahead_ns))
                if is_hedge(each.message.key):
                    self._campaigns.expect_seconds()
        for report in reports:  # of deliveries, so that none is kept, and there may be any number
            if (taken := unkept.take_reported(report)) is not None:
                index.add(*taken)
            about = index.find(report)
            if about is None and report.key not in known:
                continue
            of_provider = report.reason != DELIVERED_BY_SECOND
            self.totals.orphan_reports -= of_provider and self.early.take(report.provider_id) is None
            if about is not None:
                self.reported_late(now_ns, about, report, effects)
            else:  # it was delivered before
                self.totals.repeated_reports += of_provider

    def give_up_overdue(self, now_ns: int, effects: list[Effect]) -> None:
        """End messages whose report is overdue."""
        for key, sent in self.awaiting.take_timed_out(now_ns):
            self._reached(now_ns, key, sent, State.EXPIRED, EXPIRED_UNREPORTED, effects)

    def reported_late(self, now_ns: int, key: str, report: Report, effects: list[Effect]) -> None:
        """``report`` is about a message that has ended. It may show that the message was delivered."""
        ended = self.past.index
        if report.state in FINAL_STATES and raises_rank(ended.by_key[key].state, report.state):
            self.totals.late += 1
            sent = with_id(ended.pop(key), report)
            self._reached(now_ns, key, sent, report.state, report.reason, effects)
        else:
            self.totals.repeated_reports += 1

    def _reached(
        self, now_ns: int, key: str, sent: Sent, state: State, reason: str, effects: list[Effect]
    ) -> None:
        if state is _DELIVERED:
            self._delivered(now_ns, [(key, sent, reason)], effects)
            return
        self._measure(now_ns, sent, False)
        state = moved(sent.state, state)
        self._campaigns.ended((sent,), state)
        self._count(state)
        self.past.add(key, replace(sent, at_ns=now_ns + self.wall_ahead_ns, state=state, carrier=""))
        self.figures.not_delivered(sent.lane, state, reason)
        effects.append(
            Change(sent.message_id, key, state, reason, sent.provider_id, sent.attempts, now_ns, sent.route)
        )

    def _delivered(
        self, now_ns: int, messages: Sequence[tuple[str, Sent, str]], effects: list[Effect]
    ) -> None:
        """Messages, by key and with the report's reason, were delivered."""
        deliveries, before = self.figures.deliveries, None
        may_be_second = self._campaigns.may_have_seconds
        for key, sent, reason in messages:
            if sent.state is not before:  # nearly always one state for all
                before = sent.state
                moved(before, _DELIVERED)
            deliveries[sent.lane].add(now_ns - sent.begun_ns)
            if sent.carrier and reason != DELIVERED_BY_SECOND:
                self._measure(now_ns, sent, True)
            message_id, provider_id, attempts = sent.message_id, sent.provider_id, sent.attempts
            effects.append(
                Change(message_id, key, _DELIVERED, reason, provider_id, attempts, now_ns, sent.route)
            )
            if may_be_second:
                self._end_other(now_ns, key, effects)
        self.totals.delivered += len(messages)
        self._campaigns.ended([sent for _, sent, _ in messages], _DELIVERED)

    def _measure(self, now_ns: int, sent: Sent, delivered: bool) -> None:
        if sent.carrier and self._choice is not None:
            self._choice.reported(now_ns, sent.route, sent.at_ns, sent.carrier, delivered)

    def _end_other(self, now_ns: int, key: str, effects: list[Effect]) -> None:
        """``key`` was delivered: its first message is delivered too, its second one no longer needed."""
        if is_hedge(key):
            self.end_first(now_ns, key, effects)
            return
        second = self._backlog.tickets.get(key_of_second(key))
        if second is not None and second.state is State.QUEUED and not second.uncertain:
            self.closed(now_ns, second, State.EXPIRED, NOT_NEEDED, effects)

    def end_first(self, now_ns: int, key: str, effects: list[Effect]) -> None:
        """The second message ``key`` was delivered, so its first one counts as delivered."""
        first = Report("", key_of_first(key), _DELIVERED, DELIVERED_BY_SECOND)
        if self.matches(first):
            self.reported(now_ns, [first], False, effects)
        else:
            self.unmatched.firsts.append(first)

    def _count(self, state: State) -> None:
        """``state`` is FAILED or EXPIRED."""
        if state is State.FAILED:
            self.totals.failed += 1
        else:
            self.totals.expired += 1
