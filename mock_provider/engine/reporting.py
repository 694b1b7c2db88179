"""Delivery reports: delayed, grouped into calls, repeated until they are confirmed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct

from mock_provider.engine.distributions import is_zero, nanoseconds, sampler
from mock_provider.engine.draws import report_of
from mock_provider.engine.faults.touched import mark
from mock_provider.engine.lifecycle import CLOSE, CONFIRM, MISS, REPORT, IllegalTransitionError, move
from mock_provider.engine.message import TrackedMessage, delivery_report, progress_report
from mock_provider.engine.values import (
    DeliveryReport,
    Effect,
    FinalReport,
    MessageState,
    ReportStage,
    SendProgress,
    SendReports,
)

if TYPE_CHECKING:
    from mock_provider.engine.carriers import CarrierLookup
    from mock_provider.engine.counters import Counters
    from mock_provider.engine.draws import Draws
    from mock_provider.engine.event_queue import EventQueue
    from mock_provider.engine.faults.hooks import AtReportDue
    from mock_provider.engine.faults.windows import ActiveFaults, FaultWindows
    from mock_provider.engine.message_store import MessageStore
    from mock_provider.settings import sections


_ALL = FinalReport.ALL  # a name of its own: see ``lifecycle.py``
_MAGIC_COPY_AFTER_NS = 1_000_000_000  # after the first report of a magic number
# Reports that a storm releases at once are sent in chunks: 100,000 in one step would block the loop for
# 250 ms.
_CHUNK = 1_000
_CHUNK_PAUSE_NS = 5_000_000

ReportDestination = tuple[str, str]
"""Protocol and URL."""


class ReportBatch(Struct, gc=False):
    """The reports of one call, kept until they are confirmed or given up."""

    batch_id: int
    protocol: str
    address: str
    messages: tuple[TrackedMessage, ...]
    reports: tuple[DeliveryReport, ...]
    t_first_ns: int
    attempt: int = 1
    answered: bool = False


class Outbox(Struct, frozen=True, gc=False):
    """Reports to one receiver that wait for more. ``number`` distinguishes it from earlier ones."""

    number: int
    messages: list[TrackedMessage]


class Reporting:
    """The delivery reports of one engine. Instants are nanoseconds on the engine's clock."""

    def __init__(
        self,
        event_queue: EventQueue,
        draws: Draws,
        counters: Counters,
        message_store: MessageStore,
        settings: sections.ReportSettings,
    ) -> None:
        self._event_queue = event_queue
        self._on_due = event_queue.handler(self._gather)
        self._on_retry = event_queue.handler(self._send_again)
        self._on_release = event_queue.handler(self._release)
        self._on_linger = event_queue.handler(self._flush)
        self._on_copy = event_queue.handler(self._send_copy)
        self._on_cancelled = event_queue.handler(self._report_cancelled)
        self._draws = draws
        self._counters = counters
        self._message_store = message_store
        self._outboxes: dict[ReportDestination, Outbox] = {}
        self._last_outbox = 0
        self._batches: dict[int, ReportBatch] = {}
        self._last_batch_id = self._first_batch_id = 0
        # Reports, and calls to repeat, that a fault holds until its end.
        self._held: deque[tuple[TrackedMessage | ReportBatch, AtReportDue]] = deque()
        self._releasing = False
        self._copy_after_ns: dict[str, int] = {}  # by provider id: a copy of the report follows after
        self._waiting = 0  # ended, report not sent
        self._unconfirmed = 0  # sent, neither confirmed nor given up
        self.reconfigure(settings)

    def reconfigure(self, settings: sections.ReportSettings) -> None:
        self._delay = sampler(settings.delay)
        self._loss_share = settings.loss_share
        self._draws_needed = settings.loss_share > 0 or not is_zero(settings.delay)
        self._max_per_call = settings.max_per_call
        self._linger_ns = nanoseconds(settings.linger_s)
        self._retry_after_ns = tuple(nanoseconds(step) for step in settings.retry_after_s)
        self._give_up_after_ns = nanoseconds(settings.give_up_after_s)

    def apply(self, router: CarrierLookup, faults: FaultWindows) -> None:
        self._carriers = router.carriers
        self._faults = faults
        self._disturbed = bool(faults.windows)

    def continue_from(self, other: Reporting) -> None:
        """Continue the batch ids of ``other``. Answers to its batches are ignored."""
        self._last_batch_id = self._first_batch_id = other._last_batch_id

    def handed_over(self, at_ns: int, message: TrackedMessage, effects: list[Effect]) -> None:
        """Report that the carrier has the message."""
        effects.append(self._progress(at_ns, message, ReportStage.HANDED_OVER))

    def queued(self, at_ns: int, message: TrackedMessage, effects: list[Effect]) -> None:
        """Report that the message is queued. It may have passed the queue already."""
        effects.append(self._progress(at_ns, message, ReportStage.QUEUED))

    def cancelled(self, now_ns: int, message: TrackedMessage) -> None:
        """A scheduled message was removed. The next ``advance``, which is due at once, reports it."""
        if message.terms.reports.stages:
            self._event_queue.add(now_ns, self._on_cancelled, message)

    def _report_cancelled(
        self, due_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]
    ) -> None:
        effects.append(self._progress(due_ns, message, ReportStage.CANCELLED))

    def _progress(self, at_ns: int, message: TrackedMessage, reached: ReportStage) -> SendProgress:
        carrier = self._carriers.get(message.carrier)
        mcc, mnc = ("", "") if carrier is None else (carrier.mcc, carrier.mnc)
        report = progress_report(message, at_ns, mcc, mnc)
        return SendProgress(message.terms.reports.address, report, message.protocol, reached)

    def ended(self, at_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]) -> None:
        """The message reached its final state at ``at_ns``. Schedule its report, if one is wanted."""
        chances, message.chances = message.chances, b""
        outcome = message.outcome
        if outcome is not None:
            ended, state = self._counters.ended, outcome.state_name
            ended[state] = ended.get(state, 0) + 1
        if message.terms.reports.final is not _ALL and not _is_wanted(message):
            self._close(message)
            return
        delay_ns: int | None = 0
        if self._draws_needed:
            u, v, w = report_of(chances or self._draws.message(message.key, message.ordinal))
            delay_ns = None if w < self._loss_share else self._delay(u, v)
        if delay_ns is not None and (self._disturbed or message.magic is not None):
            added_ns = self._added_ns(at_ns, message)
            delay_ns = None if added_ns is None else delay_ns + added_ns
        if delay_ns is None:
            self._counters.reports_lost += 1
            self._close(message)
            return
        self._waiting += 1
        if delay_ns or message.due_ns != at_ns:  # mostly it is the end on the air, which is set
            message.due_ns = at_ns + delay_ns
        if self._message_store.changes is not None:
            self._message_store.changes.changed(message)
        if delay_ns <= 0:
            self._gather(at_ns, now_ns, message, effects)
        else:
            self._event_queue.add(at_ns + delay_ns, self._on_due, message)

    def changed(self, message: TrackedMessage) -> None:
        """The next start needs the present state of the message."""
        if self._message_store.changes is not None:
            self._message_store.changes.changed(message)

    def restore(self, now_ns: int, message: TrackedMessage) -> None:
        """A message of an earlier engine that ended. Its report is sent at its ``due_ns``, or now."""
        self._waiting += 1
        self._event_queue.add(max(now_ns, message.due_ns), self._on_due, message)

    def waits_for_phone(self, message: TrackedMessage) -> None:
        """The phone of the message is off or out of coverage."""
        self._message_store.wait(message)

    def vanished(self, message: TrackedMessage) -> None:
        """The provider lost the message. No report is sent."""
        self._counters.vanished += 1
        ended = self._counters.ended
        ended["undelivered"] = ended.get("undelivered", 0) + 1
        self._close(message)

    def faults_changed(self, at_ns: int, now_ns: int, active: ActiveFaults, effects: list[Effect]) -> None:
        """Begin to release what a storm held, if no storm holds it any more."""
        if self._held and not active.at_report_due and not self._releasing:
            self._releasing = True
            self._release(at_ns, now_ns, None, effects)

    def require_unanswered(self, batch_id: int) -> None:
        """Raises ``IllegalTransitionError`` for a batch that was not sent or was answered before."""
        batch = self._batches.get(batch_id)
        before_reset = batch_id <= self._first_batch_id
        if not before_reset and (batch is None or batch.answered):
            raise IllegalTransitionError(f"report batch {batch_id} awaits no answer")

    def answered(self, now_ns: int, batch_id: int, confirmed: bool) -> None:
        """The answer to a batch that ``require_unanswered`` accepts."""
        if batch_id <= self._first_batch_id:
            return
        batch = self._batches[batch_id]
        batch.answered = True
        if not batch.messages:  # a copy: only the first report counts
            del self._batches[batch_id]
            return
        if confirmed:
            del self._batches[batch_id]
            self._counters.reports_confirmed += len(batch.messages)
            self._unconfirmed -= len(batch.messages)
            for message in batch.messages:
                message.t_confirmed_ns = now_ns
                move(message, CONFIRM)
            self._counters.closed += len(batch.messages)
            self._message_store.close_all(batch.messages)
            return
        for message in batch.messages:
            move(message, MISS)
        steps = self._retry_after_ns
        again_ns = now_ns + steps[min(batch.attempt, len(steps)) - 1]
        if again_ns - batch.t_first_ns <= self._give_up_after_ns:
            self._event_queue.add(again_ns, self._on_retry, batch)
            return
        del self._batches[batch_id]
        self._counters.reports_given_up += len(batch.messages)
        self._unconfirmed -= len(batch.messages)
        for message in batch.messages:
            self._close(message)

    @property
    def receivers(self) -> int:
        """Receivers for which reports are gathered."""
        return len(self._outboxes)

    def gauges(self) -> dict[str, float]:
        return {"reports_waiting": float(self._waiting), "reports_unconfirmed": float(self._unconfirmed)}

    def _added_ns(self, at_ns: int, message: TrackedMessage) -> int | None:
        """The added delay of the report by faults and a magic number. None: no report is sent. Also records
        that a second report follows.
        """
        magic = message.magic
        if magic is not None and magic.report == "none":
            return None
        delayed_ns = 0
        for fault in self._faults.at(at_ns).at_report:
            changed = fault.change(self._draws, message.key, message.ordinal)
            if changed is None:
                continue
            mark(message, fault.name)
            if changed.lost:
                return None
            delayed_ns += changed.delay_ns
            if changed.copy_after_ns is not None:
                self._copy_after_ns[message.provider_id] = changed.copy_after_ns
        if magic is not None:
            delayed_ns += magic.report_delay_ns
            if magic.report == "twice":
                self._copy_after_ns[message.provider_id] = _MAGIC_COPY_AFTER_NS
        return delayed_ns

    def _is_held(self, at_ns: int, item: TrackedMessage | ReportBatch) -> bool:
        """Whether a storm holds the report, or the repeated call, until its end."""
        active = self._faults.at(at_ns)
        if active.none or not active.at_report_due:
            return False
        storm = active.at_report_due[-1]
        messages = item.messages if isinstance(item, ReportBatch) else (item,)
        for message in messages:
            mark(message, storm.name)
        self._counters.reports_held += len(messages)
        self._held.append((item, storm))
        return True

    def _release(self, at_ns: int, now_ns: int, _: None, effects: list[Effect]) -> None:
        """Release the oldest item, at the rate of the storm, and schedule the next release."""
        released = 0
        while self._held:
            if self._faults.at(at_ns).at_report_due:
                break
            item, storm = self._held.popleft()
            if isinstance(item, ReportBatch):
                self._send_again(at_ns, now_ns, item, effects)
            else:
                self._gather(at_ns, now_ns, item, effects)
            size = len(item.messages) if isinstance(item, ReportBatch) else 1
            released += size
            if storm.unit_ns or released >= _CHUNK:
                pause_ns = size * storm.unit_ns or _CHUNK_PAUSE_NS
                self._event_queue.add(at_ns + pause_ns, self._on_release, None)
                return
        self._releasing = False

    def _gather(self, at_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]) -> None:
        if self._disturbed and self._is_held(at_ns, message):
            return
        receiver = message.protocol, message.terms.reports.address
        if self._max_per_call == 1:
            self._send(now_ns, receiver, (message,), effects)
            return
        outbox = self._outboxes.get(receiver)
        if outbox is None:
            self._last_outbox += 1
            outbox = self._outboxes[receiver] = Outbox(self._last_outbox, [])
        outbox.messages.append(message)
        together = len(outbox.messages)
        if together >= self._max_per_call:
            self._flush(at_ns, now_ns, (receiver, outbox.number), effects)
        elif together == 1:
            self._event_queue.add(at_ns + self._linger_ns, self._on_linger, (receiver, outbox.number))

    def _flush(
        self, due_ns: int, now_ns: int, call: tuple[ReportDestination, int], effects: list[Effect]
    ) -> None:
        receiver, number = call
        outbox = self._outboxes.get(receiver)
        if outbox is None or outbox.number != number:  # it was full and has been sent
            return
        del self._outboxes[receiver]  # do not keep an entry for each URL ever seen
        self._send(now_ns, receiver, tuple(outbox.messages), effects)

    def _send(
        self,
        now_ns: int,
        receiver: ReportDestination,
        messages: tuple[TrackedMessage, ...],
        effects: list[Effect],
    ) -> None:
        self._last_batch_id += 1
        carriers = self._carriers
        reports = []
        for message in messages:
            move(message, REPORT)
            message.t_reported_ns = now_ns
            carrier = carriers.get(message.carrier)
            mcc, mnc = ("", "") if carrier is None else (carrier.mcc, carrier.mnc)
            reports.append(delivery_report(message, mcc, mnc))
        protocol, address = receiver
        batch = ReportBatch(self._last_batch_id, protocol, address, messages, tuple(reports), now_ns)
        self._batches[batch.batch_id] = batch
        self._waiting -= len(messages)
        self._unconfirmed += len(messages)
        self._counters.reports_sent += len(messages)
        self._counters.report_calls += 1
        effects.append(SendReports(batch.batch_id, address, batch.reports, 1, protocol))
        if self._copy_after_ns:
            self._plan_copies(now_ns, batch)

    def _plan_copies(self, now_ns: int, batch: ReportBatch) -> None:
        for message, report in zip(batch.messages, batch.reports, strict=True):
            after_ns = self._copy_after_ns.pop(message.provider_id, None)
            if after_ns is not None:
                copy = batch.protocol, batch.address, report
                self._event_queue.add(now_ns + after_ns, self._on_copy, copy)

    def _send_copy(
        self, due_ns: int, now_ns: int, copy: tuple[str, str, DeliveryReport], effects: list[Effect]
    ) -> None:
        """Send the report a second time. Its confirmation changes nothing."""
        protocol, address, report = copy
        self._last_batch_id += 1
        batch = ReportBatch(self._last_batch_id, protocol, address, (), (report,), now_ns)
        self._batches[batch.batch_id] = batch
        self._counters.reports_duplicated += 1
        self._counters.report_calls += 1
        effects.append(SendReports(batch.batch_id, address, batch.reports, 1, protocol))

    def _send_again(self, due_ns: int, now_ns: int, batch: ReportBatch, effects: list[Effect]) -> None:
        if self._disturbed and self._is_held(due_ns, batch):
            return
        for message in batch.messages:
            move(message, REPORT)
            message.report_retries += 1
        batch.attempt += 1
        batch.answered = False
        self._counters.reports_retried += len(batch.messages)
        self._counters.report_calls += 1
        effects.append(
            SendReports(batch.batch_id, batch.address, batch.reports, batch.attempt, batch.protocol)
        )

    def _close(self, message: TrackedMessage) -> None:
        move(message, CLOSE)
        self._counters.closed += 1
        self._message_store.close(message)


def _is_wanted(message: TrackedMessage) -> bool:
    failed = message.outcome is not None and message.outcome.state is not MessageState.DELIVERED
    return failed and message.terms.reports.final is FinalReport.FAILURES
