"""The simulated provider: a state machine that is told what happens, when, and says what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from mock_provider.engine.account import MICRO
from mock_provider.engine.admission import Admission, Admitted
from mock_provider.engine.agenda import Agenda
from mock_provider.engine.carriage import Carriage
from mock_provider.engine.carriers import Router
from mock_provider.engine.counters import Counters, EngineState, counters_by_name
from mock_provider.engine.distributions import nanoseconds, sampler
from mock_provider.engine.draws import Draws
from mock_provider.engine.faults.hang import Hang
from mock_provider.engine.faults.windows import ActiveFaults, FaultWindows
from mock_provider.engine.ledger import Ledger
from mock_provider.engine.lifecycle import Stage
from mock_provider.engine.message import Message
from mock_provider.engine.reporting import Reporting
from mock_provider.engine.values import (
    Accepted,
    AcceptedMessage,
    Answer,
    Disconnect,
    Effect,
    JournalRow,
    Outbound,
    Refusal,
    Refused,
    Reply,
    Submit,
)
from mock_provider.engine.views import AccountState, MessageView, message_view

if TYPE_CHECKING:
    from mock_provider.profiles.schema import Profile

_UNDRAWN = (0.5, 0.5, 1.0, 0.5)  # where the profile leaves nothing of an attempt to chance


class PendingReply(Struct, frozen=True, gc=False):
    """An answer on its way out; ``answer`` None: it never leaves, but the messages go on at that instant."""

    request_id: int
    answer: Answer | None
    messages: tuple[Message, ...]
    scheduled_ns: int | None
    disconnect: bool = False


class Engine:
    """One provider. Instants are ns of the driver's monotonic clock; an earlier one than the last counts as the last.

    ``submit``, ``reports_answered``, ``advance`` and ``reconfigure`` first handle what is due by then and return the effects in
    order. Each submit gets exactly one Reply or Disconnect, or by a fault none. After every call ``next_due``
    says when to call ``advance``.
    """

    def __init__(self, profile: Profile, seed: int) -> None:
        self._draws = Draws(seed)
        self._profile = profile
        self._begin()

    def _begin(self) -> None:
        profile = self._profile
        self._now_ns: int | None = None  # no input yet
        self._origin_ns = 0
        self._counters = Counters()
        self._pending = 0
        self._agenda = Agenda()
        self._ledger = Ledger(profile.duplicates, profile.account.name)
        self._reporting = Reporting(self._agenda, self._draws, self._counters, self._ledger, profile.reports)
        self._carriage = Carriage(self._agenda, self._draws, self._counters, self._reporting, profile)
        router = Router(profile, self._draws)
        self._admission = Admission(profile, router, self._ledger, self._carriage)
        self._apply(profile, router, FaultWindows((), 0))

    def submit(self, now_ns: int, submit: Submit) -> Sequence[Effect]:
        """Judge a request. Its reply comes with these effects or those of a later ``advance``."""
        effects: list[Effect] = []
        now_ns = self._run(now_ns, effects)
        self._counters.requests += 1
        seen: list[Message] = []
        if not submit.validate_only:
            wire = submit.wire
            seen = [self._ledger.see(outbound, wire, now_ns) for outbound in submit.messages]
        keys = [m.key for m in seen] if seen else [outbound.key for outbound in submit.messages]
        key = keys[0] if keys else ""
        attempt = seen[0].submits if seen else self._ledger.submits(key) + 1
        active = self._faults.at(now_ns)
        answer: Answer | None = None
        if not active.none:
            met = self._front(key, attempt, active)
            if isinstance(met, Hang):
                self._lose(submit, seen, met.disconnect, effects)
                return effects
            answer = met
        u, v, w, _ = self._draws.attempt(key, attempt) if self._attempts_are_drawn else _UNDRAWN
        messages: tuple[Message, ...] = ()
        if answer is None:
            judged = self._admission.judge(now_ns, submit, keys, w)
            if isinstance(judged, Admitted):
                answer, messages = self._accept(now_ns, submit, seen, judged)
            else:
                answer = judged
        if isinstance(answer, Refused):
            self._note_refusal(answer.reason, seen)
        latency_ns = self._reply_latency(u, v)
        pending = PendingReply(submit.request_id, answer, messages, submit.scheduled_ns)
        if not active.none:
            for slowness in active.reply_delays:
                latency_ns = slowness.applied(latency_ns)
            pending = self._perhaps_withheld(pending, key, attempt, active)
        self._pending += 1
        if latency_ns <= 0:
            self._release(now_ns, now_ns, pending, effects)
        else:
            self._agenda.add(now_ns + latency_ns, self._release, pending)
        self._ledger.trim()
        return effects

    def reports_answered(self, now_ns: int, batch_id: int, confirmed: bool) -> Sequence[Effect]:
        """How a ``SendReports`` went. Not confirmed: it is sent again by the profile's schedule.

        Raises ``IllegalTransitionError`` for a batch that awaits no answer; nothing has changed then.
        """
        effects: list[Effect] = []
        now_ns = self._run(now_ns, effects)
        self._reporting.answered(now_ns, batch_id, confirmed)
        return effects

    def cancel(self, now_ns: int, token: str, provider_ids: Sequence[str]) -> tuple[str, ...]:
        """Remove scheduled messages of the token's account and pay their price back.

        The ids that were removed; an id that is unknown, or no longer scheduled, is not among them.
        """
        now_ns = self._clock(now_ns)
        if not self._admission.account.knows(token):
            return ()
        cancelled = []
        for provider_id in provider_ids:
            message = self._ledger.find(provider_id)
            if message is None or message.stage is not Stage.SCHEDULED:
                continue
            self._carriage.cancel(now_ns, message)
            self._admission.account.pay(-message.price_micro)
            self._counters.cancelled += 1
            self._counters.closed += 1
            self._ledger.close(message)
            cancelled.append(provider_id)
        return tuple(cancelled)

    def next_due(self) -> int | None:
        """When ``advance`` has something to do; None: not before another input."""
        return self._agenda.next_due()

    def advance(self, now_ns: int) -> Sequence[Effect]:
        effects: list[Effect] = []
        self._run(now_ns, effects)
        return effects

    def reconfigure(self, now_ns: int, profile: Profile) -> Sequence[Effect]:
        """Another profile from now on. Nothing is lost; delays that were drawn already stay as they are."""
        effects: list[Effect] = []
        now_ns = self._run(now_ns, effects)
        self._profile = profile
        router = Router(profile, self._draws)
        self._ledger.reconfigure(profile.duplicates, profile.account.name)
        self._reporting.reconfigure(profile.reports)
        self._admission.reconfigure(now_ns, profile, router)
        self._apply(profile, router, FaultWindows(profile.faults, self._origin_ns))
        self._carriage.reconfigure(now_ns, profile)
        return effects

    def reset(self, now_ns: int) -> Sequence[Effect]:
        """Forget all messages, counts and debts; the profile stays, its fault windows start anew.

        Requests whose reply had not left are cut off. Answers to report calls of before are ignored.
        """
        self._clock(now_ns)
        cut: list[Effect] = [
            Disconnect(payload.request_id)
            for payload in self._agenda.payloads()
            if isinstance(payload, PendingReply) and (payload.answer is not None or payload.disconnect)
        ]
        reporting = self._reporting
        self._begin()
        self._reporting.go_on_from(reporting)
        return cut

    def take_rows(self) -> list[JournalRow]:
        """Rows of messages that became final (reports confirmed, lost, given up or not wanted) since the last call.

        Also rows that changed since they were taken: their key was submitted again.
        """
        return self._ledger.take_rows()

    def close_rows(self) -> list[JournalRow]:
        """At the end: what ``take_rows`` gives, rows of all still open, and of keys that were never accepted."""
        return self._ledger.close_rows()

    def state(self) -> EngineState:
        counters = self._counters
        gauges = {
            "pending_replies": float(self._pending),
            "remembered_keys": float(len(self._ledger)),
            **self._carriage.gauges(),
            **self._reporting.gauges(),
        }
        return EngineState(
            counters.accepted - counters.closed,
            counters.accepted,
            counters_by_name(counters),
            gauges,
            self._admission.account.balance_points,
        )

    def account(self, token: str) -> AccountState | None:
        """The account a token belongs to, or None."""
        account = self._admission.account
        if not account.knows(token):
            return None
        return AccountState(account.name, account.balance_points, self._profile.account.price_per_segment)

    def message(self, provider_id: str) -> MessageView | None:
        """What is known of an accepted message; None where the id is unknown or forgotten."""
        message = self._ledger.find(provider_id)
        return None if message is None else message_view(message)

    def _clock(self, now_ns: int) -> int:
        if self._now_ns is None:
            self._now_ns = self._origin_ns = now_ns
            self._faults = FaultWindows(self._profile.faults, now_ns)
            self._carriage.apply(self._router, self._faults)
        elif now_ns > self._now_ns:
            self._now_ns = now_ns
        return self._now_ns

    def _run(self, now_ns: int, effects: list[Effect]) -> int:
        now_ns = self._clock(now_ns)
        self._agenda.run(now_ns, effects)
        return now_ns

    def _apply(self, profile: Profile, router: Router, faults: FaultWindows) -> None:
        self._router = router
        self._faults = faults
        self._reply_latency = sampler(profile.reply.latency)
        self._attempts_are_drawn = profile.reply.latency.kind != "fixed" or bool(profile.reply.errors)
        self._validity_ns = nanoseconds(profile.delivery.validity_s)
        self._report_url = profile.account.report_url
        self._carriage.apply(router, faults)
        self._reporting.apply(router)

    def _front(self, key: str, attempt: int, active: ActiveFaults) -> Refused | Hang | None:
        """What meets a submit before anything of it is read."""
        for outage in active.outages:
            if outage.disconnect:
                return Hang(outage.name, 1.0, accepted=False, disconnect=True)
            return Refused(Refusal.UNAVAILABLE)
        for hang in active.hangs:
            if not hang.accepted and hang.hits(self._draws, key, attempt):
                return hang
        for error in active.errors:
            if error.hits(self._draws, key, attempt):
                return Refused(error.refusal)
        return None

    def _perhaps_withheld(
        self, pending: PendingReply, key: str, attempt: int, active: ActiveFaults
    ) -> PendingReply:
        for hang in active.hangs:
            if hang.accepted and hang.hits(self._draws, key, attempt):
                self._counters.requests_hung += 1
                return PendingReply(
                    pending.request_id, None, pending.messages, pending.scheduled_ns, hang.disconnect
                )
        return pending

    def _lose(self, submit: Submit, seen: list[Message], disconnect: bool, effects: list[Effect]) -> None:
        for message in seen:
            message.reason = "disconnected" if disconnect else "no_reply"
        if disconnect:
            self._counters.disconnects += 1
            effects.append(Disconnect(submit.request_id))
        else:
            self._counters.requests_hung += 1
        self._ledger.trim()

    def _note_refusal(self, reason: Refusal, seen: list[Message]) -> None:
        refused = self._counters.refused
        refused[reason] = refused.get(reason, 0) + 1
        name = reason.value
        for message in seen:
            message.reason = name

    def _accept(
        self, now_ns: int, submit: Submit, seen: list[Message], admitted: Admitted
    ) -> tuple[Accepted, tuple[Message, ...]]:
        counters = self._counters
        if submit.validate_only:
            counters.validated += 1
            return Accepted(
                tuple(_answered("", c.outbound, c.price_micro) for c in admitted.candidates),
                admitted.invalid_numbers,
            ), ()
        counters.requests_accepted += 1
        for index, reason in admitted.left_out:
            seen[index].reason = reason.value
        counters.skipped += len(admitted.left_out)
        hexadecimal = self._admission.rules(submit.wire).hexadecimal_ids
        start_ns = now_ns if submit.scheduled_ns is None else max(now_ns, submit.scheduled_ns)
        expires_ns = start_ns + self._validity_ns if submit.expires_ns is None else submit.expires_ns
        report_url = submit.report_url or self._report_url
        messages, answered = [], []
        for candidate in admitted.candidates:
            outbound = candidate.outbound
            message = self._ledger.accept(seen[candidate.index], now_ns)
            message.provider_id = self._draws.provider_id(
                message.key, message.ordinal, hexadecimal=hexadecimal
            )
            message.wire = submit.wire
            message.segments = outbound.segments
            message.client_ref = outbound.client_ref
            message.msisdn = outbound.msisdn
            message.sender_id = submit.sender_id
            message.report_url = report_url
            message.country = candidate.country
            message.carrier = candidate.carrier
            message.price_micro = candidate.price_micro
            message.fast = submit.fast
            message.expires_ns = expires_ns
            self._ledger.name(message)
            self._carriage.reserve(message)
            counters.accepted_segments += outbound.segments
            messages.append(message)
            answered.append(_answered(message.provider_id, outbound, candidate.price_micro))
        counters.accepted += len(messages)
        return Accepted(tuple(answered), admitted.invalid_numbers), tuple(messages)

    def _release(self, due_ns: int, now_ns: int, pending: PendingReply, effects: list[Effect]) -> None:
        """The reply leaves, and its messages go on their way."""
        self._pending -= 1
        t_answered_ns: int | None = now_ns
        entered_ns = now_ns
        if pending.answer is not None:
            self._counters.replies += 1
            effects.append(Reply(pending.request_id, pending.answer))
        else:
            t_answered_ns, entered_ns = None, due_ns
            if pending.disconnect:
                self._counters.disconnects += 1
                effects.append(Disconnect(pending.request_id))
        scheduled_ns = pending.scheduled_ns
        for message in pending.messages:
            message.t_answered_ns = t_answered_ns
            if scheduled_ns is not None and scheduled_ns > entered_ns:
                self._carriage.hold(scheduled_ns, message)
            else:
                self._carriage.enter(entered_ns, now_ns, message, effects)


def _answered(provider_id: str, outbound: Outbound, price_micro: int) -> AcceptedMessage:
    return AcceptedMessage(
        provider_id,
        outbound.msisdn,
        outbound.submitted_number,
        outbound.client_ref,
        outbound.segments,
        price_micro / MICRO,
    )
