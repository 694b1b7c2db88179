"""From the reply to the handset: the sender's queue, the accept queue, the carrier's queue, the radio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mock_provider.engine.distributions import nanoseconds
from mock_provider.engine.draws import outcome_of
from mock_provider.engine.faults.touched import mark
from mock_provider.engine.faults.windows import NO_FAULTS
from mock_provider.engine.lifecycle import (
    CANCEL,
    DEPART,
    END,
    ENTER,
    EXPIRE,
    HAND_OVER,
    HOLD,
    QUEUED,
    VANISH,
    move,
)
from mock_provider.engine.message import TrackedMessage
from mock_provider.engine.outcome import CANCELLED, CARRIER_QUEUE_FULL, EXPIRED, SENDER_QUEUE_FULL
from mock_provider.engine.radio import set_out
from mock_provider.engine.rated_queue import Onward, RatedQueue
from mock_provider.engine.senders import SenderQueues
from mock_provider.engine.values import Effect

if TYPE_CHECKING:
    from mock_provider.engine.carriers import CarrierLookup
    from mock_provider.engine.draws import Draws
    from mock_provider.engine.event_queue import EventQueue
    from mock_provider.engine.faults.windows import ActiveFaults, FaultWindows
    from mock_provider.engine.reporting import Reporting
    from mock_provider.engine.settings import EngineSettings
    from mock_provider.settings import sections


_CHANCES_KEPT = 20_000  # messages on the air that keep their random draws


class DeliveryPipeline:
    """``t_carrier_ns`` and ``t_final_ns`` are the deadlines of the steps, even if the driver is late.

    A message that expires in a queue is noticed when its turn comes. Its end is the end of its validity.
    """

    def __init__(
        self,
        event_queue: EventQueue,
        draws: Draws,
        reporting: Reporting,
        profile: EngineSettings,
    ) -> None:
        self._event_queue = event_queue
        self._on_arrival = event_queue.handler(self._to_carrier)
        self._on_release = event_queue.handler(self._release)
        self._on_end = event_queue.handler(self._end)
        self._on_wake = event_queue.handler(self._wake)
        self._draws = draws
        self._reporting = reporting
        self._capacity_segments = profile.accept_queue.capacity_segments
        self._validity_ns = nanoseconds(profile.delivery.validity_s)
        self._reserved_segments = 0
        self._accept_queue = RatedQueue(profile.accept_queue.drain_segments_per_s, self._hand_over)
        self.senders = SenderQueues(profile.throttle.per_sender, self._to_accept_queue)
        self.carry: Onward = self._depart  # takes what passed its carrier's queue
        self._queues = {
            c.name: RatedQueue(_pace(profile, c), self.carry, c.queue_segments) for c in profile.carriers
        }
        self._scheduled: dict[str, tuple[int, TrackedMessage]] = {}  # deadline and message, by provider id
        self._on_air = 0
        self._waiting_for_handset = 0  # of those on air
        # Carriers whose queue is held, and the names of the faults.
        self._holding: dict[str, tuple[str, ...]] = {}
        # Carriers whose queue was held: fault and end.
        self._held_until: dict[str, list[tuple[str, int]]] = {}
        self._held: list[TrackedMessage] = []  # held because their country is down

    def apply(self, router: CarrierLookup, faults: FaultWindows) -> None:
        """Use these carriers and faults from now on."""
        self._router = router
        self._faults = faults
        self._faultless = not faults.windows

    def carry_with(self, carry: Onward) -> None:
        """Let another engine deliver and report (``halves.py``)."""
        self.carry = carry
        for queue in self._queues.values():
            queue.onward = carry

    def reconfigure(self, now_ns: int, profile: EngineSettings) -> None:
        """Apply new rates. Messages queued for a removed carrier are routed again."""
        self._capacity_segments = profile.accept_queue.capacity_segments
        self._validity_ns = nanoseconds(profile.delivery.validity_s)
        self._retune(now_ns, self._accept_queue, profile.accept_queue.drain_segments_per_s)
        for sender_queue in self.senders.reconfigure(now_ns, profile.throttle.per_sender):
            self._arm(sender_queue, now_ns)
        vanished = self._queues
        self._queues = {}
        for section in profile.carriers:
            pace = _pace(profile, section)
            queue = vanished.pop(section.name, None) or RatedQueue(pace, self.carry)
            queue.capacity_segments = section.queue_segments
            self._queues[section.name] = queue
            self._retune(now_ns, queue, pace)
        for queue in vanished.values():
            queue.armed += 1
            while queue:
                self._event_queue.add(now_ns, self._on_arrival, queue.pop()[0])

    def has_room(self, segments: int) -> bool:
        """Whether the accept queue has room for these segments. Messages count from their acceptance on."""
        capacity = self._capacity_segments
        return capacity is None or self._reserved_segments + segments <= capacity

    def reserve(self, messages: Sequence[TrackedMessage], segments: int) -> None:
        """Reserve room for messages of this many segments in total."""
        self._reserved_segments += segments
        if self.senders.active:
            for message in messages:
                self.senders.reserve(message)

    def enter(self, at_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]) -> None:
        """The reply has left or is suppressed: the message enters the queues, its sender's first."""
        move(message, ENTER)
        if message.terms.reports.stages:
            self._enter_with_progress_reports(at_ns, now_ns, message, effects)
        elif not self.senders.active or self._passes_its_sender(at_ns, now_ns, message, effects):
            self._to_accept_queue(at_ns, now_ns, message, effects)

    def _enter_with_progress_reports(
        self, at_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]
    ) -> None:
        """Report the message as queued, unless its sender's queue had no room, and then what follows."""
        onward: list[Effect] = []
        if not self.senders.active or self._passes_its_sender(at_ns, now_ns, message, onward):
            self._to_accept_queue(at_ns, now_ns, message, onward)
        if message.outcome is not SENDER_QUEUE_FULL:
            self._reporting.queued(at_ns, message, effects)
        effects.extend(onward)

    def _passes_its_sender(
        self, at_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]
    ) -> bool:
        """Whether it passes its sender's queue at once. If not, it waits, or fails if the queue is full."""
        own = self.senders.entered(message, at_ns)
        if own is None or own.passes(message.segments, at_ns):
            return True
        terms = message.terms
        overflow_fails = terms.options.overflow_fails
        if overflow_fails and not self.senders.has_room(terms.sender_id, message.segments, at_ns):
            self._overflow(at_ns, now_ns, message, effects)
        elif own.wait(message, at_ns):
            self._arm(own, at_ns)
        return False

    def _to_accept_queue(
        self, at_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]
    ) -> None:
        if self._accept_queue.passes(message.segments, at_ns):
            self._hand_over(at_ns, now_ns, message, effects)
        elif self._accept_queue.wait(message, at_ns):
            self._arm(self._accept_queue, at_ns)

    def hold(self, due_ns: int, message: TrackedMessage) -> None:
        """Keep a scheduled message until ``due_ns``."""
        move(message, HOLD)
        self._reserved_segments -= message.segments
        if self.senders.active:
            self.senders.release(message)
        message.due_ns = due_ns
        self._scheduled[message.provider_id] = due_ns, message
        self._event_queue.add(due_ns, self._on_release, message)

    def wall_moved(self, now_ns: int, by_ns: int) -> None:
        """The wall clock was set forward by ``by_ns``. Messages that are scheduled by it come due earlier."""
        for provider_id, (due_ns, message) in self._scheduled.items():
            moved_ns = max(now_ns, due_ns - by_ns)
            message.wall_moved(by_ns)
            message.due_ns = moved_ns
            self._reporting.changed(message)
            self._scheduled[provider_id] = moved_ns, message
            self._event_queue.add(moved_ns, self._on_release, message)

    def cancel(self, now_ns: int, message: TrackedMessage) -> None:
        """Remove a scheduled message. Raises ``IllegalTransitionError`` if it is not scheduled."""
        move(message, CANCEL)
        self._scheduled.pop(message.provider_id, None)
        message.outcome = CANCELLED
        message.t_final_ns = now_ns

    def vanish(self, at_ns: int, message: TrackedMessage) -> None:
        """A fault loses the message after its reply. Only the journal shows it; no report is sent."""
        move(message, VANISH)
        self._reserved_segments -= message.segments
        if self.senders.active:
            self.senders.release(message)
        message.t_final_ns = at_ns
        self._reporting.vanished(message)

    def faults_changed(self, at_ns: int, now_ns: int, active: ActiveFaults, effects: list[Effect]) -> None:
        """Release messages that no fault holds any longer."""
        held_before, self._holding = self._holding, _carriers_held(active)
        for name, faults in held_before.items():
            queue = self._queues.get(name)
            if not queue:
                self._held_until.pop(name, None)
                continue
            holding = self._holding.get(name, ())
            ended = [(fault, at_ns) for fault in faults if fault not in holding]
            self._held_until.setdefault(name, []).extend(ended)
            if not holding:
                self._arm(queue, at_ns)
        waited, self._held = self._held, []
        for message in waited:
            if not self._kept_back(message, active):
                self._to_carrier(at_ns, now_ns, message, effects, bounded=False)

    def restore_on_air(self, message: TrackedMessage) -> None:
        """A message of an earlier engine that left its carrier. It ends at its ``due_ns``."""
        self._on_air += 1
        if message.handset_wait_ns:
            self._waiting_for_handset += 1
        self._event_queue.add(message.due_ns, self._on_end, message)

    def gauges(self) -> dict[str, float]:
        """Messages in each queue, ``queue_accept_segments`` in segments."""
        waiting = {f"queue_carrier_{name}": float(len(queue)) for name, queue in self._queues.items()}
        return {
            "queue_accept": float(len(self._accept_queue)),
            "queue_accept_segments": float(self._reserved_segments),
            "queue_senders": float(self.senders.waiting()),
            "scheduled": float(len(self._scheduled)),
            "on_air": float(self._on_air),
            "waiting_for_handset": float(self._waiting_for_handset),
            "held_by_faults": float(len(self._held)),
            **waiting,
        }

    def _release(self, due_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]) -> None:
        scheduled = self._scheduled.get(message.provider_id)
        if scheduled is None or scheduled[0] != due_ns:  # it was cancelled or rescheduled
            return
        del self._scheduled[message.provider_id]
        self._reserved_segments += message.segments
        self.enter(due_ns, now_ns, message, effects)

    def _hand_over(self, at_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]) -> None:
        self._reserved_segments -= message.segments
        move(message, HAND_OVER)
        self._to_carrier(at_ns, now_ns, message, effects)

    def _to_carrier(
        self, at_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect], bounded: bool = True
    ) -> None:
        """Not ``bounded``: the message was held by a fault, and joins the queue even if it is full."""
        queue = self._queues.get(message.carrier)
        if queue is None:
            queue = self._rerouted(message)
        if self._holding and message.carrier in self._holding:
            queue.wait(message, at_ns)  # it is woken at the end of the fault
        elif queue.passes(message.segments, at_ns):
            self.carry(at_ns, now_ns, message, effects)
        elif bounded and not queue.has_room(message.segments):
            self._refuse_full_queue(at_ns, now_ns, message, effects)
        elif queue.wait(message, at_ns):
            self._arm(queue, at_ns)

    def _refuse_full_queue(
        self, at_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]
    ) -> None:
        move(message, END)
        message.outcome = CARRIER_QUEUE_FULL
        message.t_final_ns = at_ns
        self._reporting.ended(at_ns, now_ns, message, effects)

    def _overflow(self, at_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]) -> None:
        self._reserved_segments -= message.segments
        move(message, EXPIRE)
        message.outcome = SENDER_QUEUE_FULL
        message.t_final_ns = at_ns
        self._reporting.ended(at_ns, now_ns, message, effects)

    def _depart(self, at_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]) -> None:
        if at_ns >= message.expires_ns:
            self._expire(at_ns, now_ns, message, effects)
            return
        active = NO_FAULTS if self._faultless else self._faults.at(at_ns)
        if not active.none and self._kept_back(message, active):
            return
        move(message, DEPART)
        self._on_air += 1
        message.t_carrier_ns = at_ns
        terms = message.terms
        if terms.options.expires_in_queue:
            message.expires_ns = at_ns + self._validity_ns
        if terms.reports.progress:
            self._reporting.handed_over(at_ns, message, effects)
        chances = message.chances
        if not chances:
            chances = message.chances = self._draws.message(message.key, message.ordinal)
        if self._on_air > _CHANCES_KEPT:
            # A million messages may be on the air: drop the cached draws; the report recomputes them.
            message.chances = b""
        carrier = self._router.carriers[message.carrier]
        ends_ns = set_out(message, carrier, outcome_of(chances), active, at_ns)
        if message.handset_wait_ns:
            self._waiting_for_handset += 1
            self._reporting.waits_for_phone(message)
        message.due_ns = ends_ns
        self._event_queue.add(ends_ns, self._on_end, message)
        self._reporting.changed(message)

    def _end(self, due_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]) -> None:
        move(message, END)
        self._on_air -= 1
        if message.handset_wait_ns:
            self._waiting_for_handset -= 1
        message.t_final_ns = due_ns
        self._reporting.ended(due_ns, now_ns, message, effects)

    def _expire(self, at_ns: int, now_ns: int, message: TrackedMessage, effects: list[Effect]) -> None:
        if message.stage is QUEUED:
            self._reserved_segments -= message.segments
        move(message, EXPIRE)
        message.outcome = EXPIRED
        message.t_final_ns = message.expires_ns
        self._reporting.ended(at_ns, now_ns, message, effects)

    def _arm(self, queue: RatedQueue, at_ns: int) -> None:
        queue.armed += 1
        self._event_queue.add(queue.wake_ns(at_ns), self._on_wake, (queue, queue.armed))

    def _wake(self, due_ns: int, now_ns: int, call: tuple[RatedQueue, int], effects: list[Effect]) -> None:
        queue, number = call
        if number != queue.armed:
            return
        if self._holding and any(self._queues.get(name) is queue for name in self._holding):
            return
        at_ns = due_ns
        while queue:
            message, came_ns = queue.pop()
            if self._held_until:
                self._note_wait(message, came_ns)
            at_ns = max(due_ns, came_ns)
            if at_ns >= message.expires_ns:  # it does not use the queue's rate
                self._expire(at_ns, now_ns, message, effects)
                continue
            queue.passed(message.segments, at_ns)
            queue.onward(at_ns, now_ns, message, effects)
            break
        if queue:
            self._arm(queue, at_ns)

    def _kept_back(self, message: TrackedMessage, active: ActiveFaults) -> bool:
        """Whether a fault holds messages to its country. Then it waits for the end of the fault."""
        for fault in active.at_queue:
            if message.country in fault.countries:
                mark(message, fault.name)
                self._held.append(message)
                return True
        return False

    def _note_wait(self, message: TrackedMessage, came_ns: int) -> None:
        for fault, until_ns in self._held_until.get(message.carrier, ()):
            if came_ns < until_ns:
                mark(message, fault)

    def _retune(self, now_ns: int, queue: RatedQueue, segments_per_s: float | None) -> None:
        queue.reconfigure(now_ns, segments_per_s)
        if queue:
            self._arm(queue, now_ns)

    def _rerouted(self, message: TrackedMessage) -> RatedQueue:
        """Route the message again: its carrier was removed from the profile while it waited."""
        route = self._router.route(message.msisdn)
        message.carrier = next(iter(self._queues)) if route is None else route[1]
        return self._queues[message.carrier]


def _carriers_held(active: ActiveFaults) -> dict[str, tuple[str, ...]]:
    held: dict[str, tuple[str, ...]] = {}
    for fault in active.at_queue:
        for name in fault.carriers:
            held[name] = (*held.get(name, ()), fault.name)
    return held


def _pace(profile: EngineSettings, carrier: sections.CarrierSettings) -> float | None:
    """Segments per second to this carrier. The tier ``dedicated`` has its own rate to each carrier."""
    account = profile.account
    return account.route_segments_per_s if account.tier == "dedicated" else carrier.segments_per_s
