"""The mock provider: a state machine. Inputs and the time come in, effects come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from mock_provider.engine.acceptance import Acceptance
from mock_provider.engine.admission import Admission
from mock_provider.engine.carriers import CarrierLookup
from mock_provider.engine.counters import Counters, EngineState, counters_by_name
from mock_provider.engine.delivery import DeliveryPipeline
from mock_provider.engine.draws import Draws
from mock_provider.engine.event_queue import SLICE_BITS, EventQueue
from mock_provider.engine.faults.history import FaultHistory, FaultPeriod
from mock_provider.engine.faults.hooks import RequestInterruption
from mock_provider.engine.faults.window_edges import WindowEdges
from mock_provider.engine.faults.windows import FaultWindows
from mock_provider.engine.lifecycle import SCHEDULED
from mock_provider.engine.message_store import MessageStore
from mock_provider.engine.reporting import Reporting
from mock_provider.engine.restoring import Restoring
from mock_provider.engine.snapshot import AccountSpending, Changes, EngineSnapshot, in_another_time
from mock_provider.engine.submission import PendingReply, SubmitHandler
from mock_provider.engine.values import Accepted, Disconnect, Effect, JournalRow, Submit
from mock_provider.engine.views import (
    AccountState,
    JourneyView,
    MessageView,
    NumberView,
    journey_view,
    message_view,
)

if TYPE_CHECKING:
    from mock_provider.engine.settings import EngineSettings

_NO_INPUT_YET_NS = -(2**63)


class Engine:
    """One provider. Times are nanoseconds on the driver's monotonic clock.

    A time earlier than that of the previous call is treated as equal to it.

    ``submit``, ``reports_answered``, ``advance`` and ``reconfigure`` first handle what is due by that time.
    They return the effects in order. Each submit gets exactly one Reply or Disconnect, or none if a fault
    suppresses it. After every call ``next_due`` says when to call ``advance``.
    """

    def __init__(
        self, profile: EngineSettings, seed: int, wall_offset_ns: int = 0, slice_bits: int = SLICE_BITS
    ) -> None:
        """``slice_bits`` is a setting of the event queue. It affects speed only."""
        self._draws = Draws(seed)
        self._slice_bits = slice_bits
        self._wall_offset_ns = wall_offset_ns
        self._profile = profile
        self._changes: Changes | None = None
        self._begin()

    def _begin(self) -> None:
        profile = self._profile
        self._now_ns = _NO_INPUT_YET_NS
        self._origin_ns = 0
        self._counters = Counters()
        self._event_queue = EventQueue(self._slice_bits)
        # When to call ``advance``. None: not before another input.
        self.next_due: Callable[[], int | None] = self._event_queue.next_due
        self._message_store = MessageStore(profile.duplicates, profile.account.name)
        self._message_store.changes = self._changes
        self._reporting = Reporting(
            self._event_queue, self._draws, self._counters, self._message_store, profile.reports
        )
        self._pipeline = DeliveryPipeline(self._event_queue, self._draws, self._reporting, profile)
        router = CarrierLookup(profile, self._draws)
        self._admission = Admission(
            profile, router, self._message_store, self._pipeline, self._wall_offset_ns
        )
        acceptance = Acceptance(
            self._draws,
            self._counters,
            self._message_store,
            self._pipeline,
            self._remove,
        )
        self._submissions = SubmitHandler(
            self._event_queue,
            self._draws,
            self._counters,
            self._message_store,
            self._admission,
            self._pipeline,
            acceptance,
        )
        self._submissions.wall_offset_ns = self._wall_offset_ns
        self._restoring = Restoring(
            self._event_queue, self._counters, self._message_store, self._pipeline, self._reporting
        )
        self._edges = WindowEdges(self._event_queue, self._admission, self._pipeline, self._reporting)
        self._fault_history = FaultHistory()
        self._apply(profile, router, FaultWindows((), 0))

    def submit(self, now_ns: int, submit: Submit) -> Sequence[Effect]:
        """Judge a request. Its reply comes with these effects or those of a later ``advance``."""
        effects: list[Effect] = []
        now_ns = self._run(now_ns, effects)
        self._submissions.submit(now_ns, submit, effects)
        return effects

    def note_unread(self, now_ns: int, protocol: str, keys: Sequence[str], reason: str) -> None:
        """A protocol has refused a request that it could not read, with messages of these journey keys."""
        self._submissions.note_unread(self._clock(now_ns), protocol, keys, reason)

    def reports_answered(self, now_ns: int, batch_id: int, confirmed: bool) -> Sequence[Effect]:
        """The result of a ``SendReports``. If not confirmed, it is sent again as the profile schedules.

        Raises ``IllegalTransitionError`` for a batch that awaits no answer, and changes nothing then.
        """
        self._reporting.require_unanswered(batch_id)
        effects: list[Effect] = []
        now_ns = self._run(now_ns, effects)
        self._reporting.answered(now_ns, batch_id, confirmed)
        return effects

    def cancel(self, now_ns: int, token: str, provider_ids: Sequence[str]) -> tuple[str, ...]:
        """Remove scheduled messages of the token's account and refund their price.

        Returns the ids that were removed, without those that are unknown or no longer scheduled. The next
        ``advance``, which is due at once, reports the removal to the receivers.
        """
        now_ns = self._clock(now_ns)
        if token not in self._admission.account.tokens:
            return ()
        return tuple(each for each in provider_ids if self._remove(now_ns, each))

    def advance(self, now_ns: int) -> Sequence[Effect]:
        effects: list[Effect] = []
        self._run(now_ns, effects)
        return effects

    def advance_to_effects(self, until_ns: int, effects: list[Effect]) -> int:
        """For virtual time: ``advance`` through the deadlines, up to ``until_ns`` or the first effects.

        Returns the time reached, and adds the effects to the list, which is empty. Call it after the first
        input only.
        """
        if until_ns < self._now_ns:
            until_ns = self._now_ns
        self._now_ns = now_ns = self._event_queue.run_to_effects(until_ns, effects)
        return now_ns

    def reconfigure(self, now_ns: int, profile: EngineSettings) -> Sequence[Effect]:
        """Use another profile from now on. Messages keep their state and the delays that were drawn.

        Does not count as the first input: windows that count from the first input still wait for it.
        """
        if self._now_ns == _NO_INPUT_YET_NS:
            self._begin_with(now_ns, profile)
            return []
        effects: list[Effect] = []
        now_ns = self._run(now_ns, effects)
        router = CarrierLookup(profile, self._draws)
        faults = FaultWindows(profile.faults, self._origin_ns)
        self._profile = profile
        self._message_store.reconfigure(profile.duplicates, profile.account.name)
        self._reporting.reconfigure(profile.reports)
        self._admission.reconfigure(now_ns, profile, router)
        self._apply(profile, router, faults)
        self._pipeline.reconfigure(now_ns, profile)
        self._fault_history.renew(now_ns, faults.windows)
        self._edges.renew(now_ns, faults, effects)
        return effects

    def set_wall_offset(self, now_ns: int, wall_offset_ns: int) -> Sequence[Effect]:
        """The wall clock was set: unix time is the engine's clock plus ``wall_offset_ns`` from now on.

        Scheduled messages, quiet hours and daily caps follow the wall clock. Delays and fault windows do not.
        """
        effects: list[Effect] = []
        begun = self._now_ns != _NO_INPUT_YET_NS  # before, nothing can be scheduled
        if begun:
            now_ns = self._run(now_ns, effects)
        moved_ns = wall_offset_ns - self._wall_offset_ns
        self._wall_offset_ns = self._submissions.wall_offset_ns = wall_offset_ns
        self._admission.set_wall_offset(wall_offset_ns)
        if begun:
            self._pipeline.wall_moved(now_ns, moved_ns)
            self._run(now_ns, effects)
        return effects

    def _begin_with(self, now_ns: int, profile: EngineSettings) -> None:
        """Reconfigure before any input. Only windows with absolute times take effect now."""
        reporting, log = self._reporting, self._fault_history
        self._profile = profile
        self._begin()
        self._reporting.continue_from(reporting)
        self._fault_history = log
        faults = FaultWindows(tuple(f for f in profile.faults if f.clock == "absolute"), 0)
        self._apply(profile, self._router, faults)
        log.renew(now_ns, faults.windows)

    def reset(self, now_ns: int) -> Sequence[Effect]:
        """Forget all messages, counters and spent credit. The profile stays; its fault windows start again.

        Connections of requests whose reply is pending are reset. Answers to earlier report calls are ignored.
        """
        self._clock(now_ns)
        cut: list[Effect] = [
            Disconnect(payload.request_id)
            for payload in self._event_queue.payloads()
            if isinstance(payload, PendingReply) and (payload.answer is not None or payload.disconnect)
        ]
        reporting = self._reporting
        if self._changes is not None:
            self._changes.forget_all()
        self._begin()
        self._reporting.continue_from(reporting)
        return cut

    def keep_changes(self) -> Changes:
        """Note from now on what the next start of the provider needs; ``Changes.take`` returns it."""
        self._changes = self._message_store.changes = Changes()
        return self._changes

    def spending(self) -> AccountSpending:
        """What the account has spent, for ``snapshot``."""
        return self._admission.account.spending()

    def snapshot(self) -> EngineSnapshot:
        """What ``restore`` of another engine needs to keep the guarantees of this one."""
        messages = tuple(in_another_time(each, 0) for each in self._message_store.remembered())
        return EngineSnapshot(messages, self.spending())

    def restore(self, now_ns: int, snapshot: EngineSnapshot) -> None:
        """Continue the messages of an earlier engine, before any other input. They become this engine's own.

        Keys, their windows, messages, reports and spent credit continue. Rate limits, flood limits and counts
        of refusals begin again. The next ``advance``, which may be due at once, has the effects.
        """
        if snapshot.messages:
            now_ns = self._clock(now_ns)
        self._admission.account.restore(snapshot.account)
        self._restoring.restore(now_ns, snapshot.messages, self._router)

    def take_rows(
        self, accepted_until_ns: int | None = None, most_open: int | None = None
    ) -> list[JournalRow]:
        """Rows of the messages that were closed since the last call.

        A message is closed when it is final and its report is confirmed, lost, given up or not wanted. When a
        key is submitted again, the row of its newest message is returned again, because its counts changed:
        the highest counts of all rows of a key are the right ones.

        Also returns, once each, rows of open messages that were accepted by ``accepted_until_ns``, so that
        the journal has them if the process is killed. None: no such rows for the messages accepted so far.
        Of more than ``most_open``, the later calls return the rest, without those that are closed by then.
        """
        return self._message_store.take_rows(accepted_until_ns, most_open)

    def forget(self, keys: Iterable[str]) -> None:
        """For virtual time: forget messages whose rows were taken and whose keys will not be submitted again.

        Keys that do not fulfil this are kept.
        """
        self._message_store.forget(keys)

    def kept(self) -> dict[str, int]:
        """Entries of the tables that must not grow with the traffic."""
        return {"message ids": self._message_store.ids, "receivers": self._reporting.receivers}

    def take_unanswered(self) -> list[tuple[Submit, Accepted]]:
        """Accepted requests since the last call whose reply never leaves. At most the newest 10,000."""
        taken = list(self._submissions.unanswered)
        self._submissions.unanswered.clear()
        return taken

    def close_rows(self) -> list[JournalRow]:
        """At the end: ``take_rows``, and rows of all open messages and of keys that were never accepted."""
        return self._message_store.close_rows()

    @property
    def open_messages(self) -> int:
        """Accepted messages that are not closed: ``EngineState.open``."""
        return self._counters.accepted - self._counters.closed

    def state(self) -> EngineState:
        counters = self._counters
        gauges = {
            "pending_replies": float(self._submissions.pending),
            "remembered_keys": float(len(self._message_store)),
            "balance_low": float(self._admission.account.balance_is_low),
            **self._admission.gauges(self._now_ns),
            **self._pipeline.gauges(),
            **self._reporting.gauges(),
        }
        return EngineState(
            self.open_messages,
            counters.accepted,
            counters_by_name(counters),
            gauges,
            self._admission.account.balance_points,
        )

    def account(self, token: str) -> AccountState | None:
        """The account a token belongs to, or None."""
        account = self._admission.account
        if token not in account.tokens:
            return None
        return AccountState(account.name, account.balance_points, self._profile.account.price_per_segment)

    def outage(self, now_ns: int, backup_host: bool = False) -> RequestInterruption | None:
        """What a request that submits nothing gets in place of its reply now. This is not an input.

        ``submit`` applies it by itself.
        """
        return self._submissions.outage(max(now_ns, self._now_ns), backup_host)

    def fault_log(self, now_ns: int) -> tuple[FaultPeriod, ...]:
        """All fault windows, ended, active and scheduled, by their start.

        Windows that count from the first input are not included before it.
        """
        return self._fault_history.periods(max(now_ns, self._now_ns))

    def message(self, provider_id: str) -> MessageView | None:
        """The state of an accepted message. None: the id is unknown or forgotten."""
        message = self._message_store.find(provider_id)
        return None if message is None else message_view(message)

    def journey(self, provider_id: str) -> JourneyView | None:
        """The journey of an accepted message so far. None: the id is unknown or forgotten."""
        message = self._message_store.find(provider_id)
        return None if message is None else journey_view(message, self._message_store.newest(message))

    @property
    def origin_ns(self) -> int | None:
        """The time of the first input, from which fault windows count. None: there was no input yet."""
        return None if self._now_ns == _NO_INPUT_YET_NS else self._origin_ns

    def number(self, msisdn: str) -> NumberView:
        """Country and carrier of a number in E.164 digits. This is not an input."""
        route = self._router.route(msisdn)
        if route is None:
            return NumberView(msisdn, False)
        country, name = route
        carrier = self._router.carriers[name]
        first = self._router.ported_from(msisdn)
        return NumberView(
            msisdn=msisdn,
            exists=True,
            country=country,
            carrier=name,
            mcc=carrier.mcc,
            mnc=carrier.mnc,
            ported=bool(first),
            ported_from=first,
        )

    def _clock(self, now_ns: int) -> int:
        if now_ns <= self._now_ns:
            return self._now_ns
        if self._now_ns == _NO_INPUT_YET_NS:
            self._origin_ns = now_ns
            faults = FaultWindows(self._profile.faults, now_ns)
            self._apply(self._profile, self._router, faults)
            self._fault_history.renew(now_ns, faults.windows)
            self._edges.renew(now_ns, faults, [])  # before the first input nothing is held
        self._now_ns = now_ns
        return now_ns

    def _remove(self, now_ns: int, provider_id: str) -> bool:
        """Whether it was scheduled and is removed now."""
        message = self._message_store.find(provider_id)
        if message is None or message.stage is not SCHEDULED:
            return False
        self._pipeline.cancel(now_ns, message)
        self._admission.account.pay(-message.price_micro)
        self._counters.cancelled += 1
        self._counters.closed += 1
        self._message_store.close(message)
        self._reporting.cancelled(now_ns, message)
        return True

    def _run(self, now_ns: int, effects: list[Effect]) -> int:
        before_ns = self._now_ns
        if before_ns == _NO_INPUT_YET_NS:
            now_ns = self._clock(now_ns)
        elif now_ns > before_ns:
            self._now_ns = now_ns
        else:
            now_ns = before_ns
        self._event_queue.run(now_ns, effects)
        return now_ns

    def _apply(self, profile: EngineSettings, router: CarrierLookup, faults: FaultWindows) -> None:
        self._router = router
        self._submissions.apply(profile, faults)
        self._pipeline.apply(router, faults)
        self._reporting.apply(router, faults)
