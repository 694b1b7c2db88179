"""Forms batches: which lane is next, on which route, and when to try again."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from reference_sender.dispatch.backlog import Backlog, Queue
from reference_sender.dispatch.choice import RouteChoice
from reference_sender.dispatch.hedging import Hedging
from reference_sender.dispatch.message_states import MessageStates
from reference_sender.dispatch.route import UNTIL_ANSWER, RouteCapacity, RouteState
from reference_sender.dispatch.settings import DispatchSettings
from reference_sender.dispatch.shares import Shares
from reference_sender.dispatch.ticket import OTP, SHARED, Ticket, lane_index
from reference_sender.dispatch.values import NS_PER_S, Effect, Message, State, SubmitBatch

_SENT_ONE = 0
PACING, IN_FLIGHT, PAUSE = "pacing", "in_flight", "pause"


class Batch(Struct, frozen=True, gc=False):
    """A request in flight."""

    route: RouteState
    tickets: list[Ticket]
    submitted_ns: int


class Sending:
    """The routes, in the order of the options, and the requests in flight.

    Of the routes that are healthy and have room, the one that is best for its first message gets the next
    batch (``choice.py``). A batch has one lane, so an OTP never
    shares a request with bulk, and one sender name. While a lane lacks only tokens, no lower lane may send:
    it would spend the tokens that the higher lane waits for.

    ``waited_until`` says how long messages were ready and not submitted, by cause on the preferred route:
    its own rate limits and linger (PACING), its limit of unanswered requests (IN_FLIGHT), or a pause after a
    refusal and an open breaker (PAUSE).
    """

    def __init__(
        self,
        settings: DispatchSettings,
        routes: Sequence[RouteState],
        backlog: Backlog,
        states: MessageStates,
        choice: RouteChoice | None,
        hedging: Hedging | None,
    ) -> None:
        self.routes = routes
        self._hedging = hedging
        self.in_flight: dict[int, Batch] = {}
        self.wake_ns: int | None = None
        self._waited_ns = {PACING: 0, IN_FLIGHT: 0, PAUSE: 0}
        self._held_by = (
            ""  # the cause for which ready messages have waited since ``_pumped_ns``; "": no message waits
        )
        self._pumped_ns = 0
        self._max_batch = [each.limits.max_batch for each in routes]
        self._linger_ns = [
            int(seconds * NS_PER_S)
            for seconds in (
                settings.otp_linger_s,
                settings.transactional_linger_s,
                settings.marketing_linger_s,
            )
        ]
        self._shares = Shares(settings.transactional_share, settings.marketing_share)
        self._backlog = backlog
        self._states = states
        self._choice = choice  # None with one route
        self._batches = 0

    def route_for(self, name: str, segments: int) -> RouteState | None:
        """The route of that name, to which messages are bound. None if it does not exist, or cannot send a
        message of ``segments``.
        """
        for each in self.routes:
            if each.name == name and segments <= each.segments.capacity:
                return each
        return None

    def batch(self, batch_id: int) -> Batch:
        """A batch in flight. Raises ``ValueError`` if it is not."""
        batch = self.in_flight.get(batch_id)
        if batch is None:
            raise ValueError(f"batch {batch_id} is not in flight")
        return batch

    def unchecked(self) -> list[Ticket]:
        """Messages in flight on routes that do not refuse repeats."""
        batches = [each for each in self.in_flight.values() if not each.route.repeats]
        return [ticket for batch in batches for ticket in batch.tickets]

    def predict_route(self, now_ns: int, messages: Sequence[Message]) -> str | None:
        """As ``Dispatcher.predict_route``, for the simple case only: one lane, one sender name, and no other
        message waits (for OTPs: none that goes before them).
        """
        first = messages[0]
        segments = 0
        for message in messages:
            if message.lane is not first.lane or message.sender_id != first.sender_id:
                return None
            segments += message.segments
        lane = OTP if self._backlog.in_order else lane_index(first.lane)
        if self._linger_ns[lane] or self._goes_before(lane):
            return None
        choice = self._choice
        routes = self.routes if choice is None else choice.ranked(now_ns, first, lane_index(first.lane))
        for route in routes:
            if route.blocked_until(now_ns):
                continue
            room = route.room(now_ns, first.segments, len(messages), reserve=lane != OTP)
            if room.messages:
                fits = len(messages) <= room.messages and segments <= room.segments
                return route.name if fits else None
        return None

    def _goes_before(self, lane: int) -> bool:
        """Whether a waiting message may be sent before one that joins ``lane`` now, or at the same time."""
        ready = self._backlog.ready
        if lane != OTP or self._backlog.in_order:
            return any(ready)
        return bool(ready[OTP]) or self._shares.owes_before_otps()

    def waited_until(self, now_ns: int) -> dict[str, int]:
        """For how long ready messages were held back until ``now_ns``, by cause."""
        waited_ns = dict(self._waited_ns)
        if self._held_by:
            waited_ns[self._held_by] += now_ns - self._pumped_ns
        return waited_ns

    def pump(self, now_ns: int, effects: list[Effect]) -> None:
        """Submit what may be sent now, and note the time from which more may be sent."""
        if self._held_by:
            self._waited_ns[self._held_by] += now_ns - self._pumped_ns
        self._pumped_ns = now_ns
        ready = self._backlog.ready
        if not (ready[0] or ready[1] or ready[2]):
            self.wake_ns = None
            self._held_by = ""
            return
        while self._pump_once(now_ns, effects):
            pass
        if not (ready[0] or ready[1] or ready[2]):  # the last ones had expired
            self.wake_ns = None
            self._held_by = ""

    def submit_at_once(self, now_ns: int, message: Message, effects: list[Effect]) -> bool:
        """Submit a new message in a request of its own, if it is certain that ``pump`` would do the same.
        False: nothing was done.
        """
        backlog = self._backlog
        ready = backlog.ready
        if ready[0] or ready[1] or ready[2] or self._held_by or message.expires_ns <= now_ns:
            return False
        lane = lane_index(message.lane)
        queue = OTP if backlog.in_order else lane
        if self._linger_ns[queue] or self._choice is not None or not self._shares.no_credit:
            return False
        route, segments = self.routes[0], message.segments
        if route.blocked_until(now_ns) or not route.room(now_ns, segments, 1, queue != OTP).messages:
            return False
        self._pumped_ns = now_ns
        ticket = backlog.add_submitting(message, lane, queue, route.name)
        self._submit(now_ns, route, [ticket], (message,), segments, effects)
        return True

    def _pump_once(self, now_ns: int, effects: list[Effect]) -> bool:
        """Go through the routes once. True if an earlier route may now send more, since a later one sent a
        batch.
        """
        self.wake_ns = None
        self._held_by = ""
        ready = self._backlog.ready
        again = False
        for route in self.routes:
            while ready[0] or ready[1] or ready[2]:
                blocked_ns = route.blocked_until(now_ns)
                ask_ns = blocked_ns or self._submit_next(now_ns, route, effects)
                if ask_ns == _SENT_ONE:
                    again = again or route.index > 0
                    continue
                if not self._held_by:
                    timed = PAUSE if blocked_ns else PACING
                    self._held_by = IN_FLIGHT if ask_ns == UNTIL_ANSWER else timed
                if ask_ns != UNTIL_ANSWER:
                    self.wake_ns = _earlier(self.wake_ns, ask_ns)
                break
        return again

    def _submit_next(self, now_ns: int, route: RouteState, effects: list[Effect]) -> int:
        """Submit one batch on ``route``; returns ``_SENT_ONE``, or when to ask again, or ``UNTIL_ANSWER``."""
        lingering_ns = UNTIL_ANSWER
        backlog = self._backlog
        ready, queues, own = backlog.ready, backlog.queues, 1 + route.index
        for lane, owed, passes_otps in self._shares.turns():
            if not ready[lane]:
                continue
            for slot in (own, SHARED):
                queue = queues[slot][lane]
                live = queue.live
                if not live:
                    continue
                head = queue.head()
                if head is not None and head.expires_ns <= now_ns:
                    head = self._next_unexpired(now_ns, queue, head, effects)
                if head is None:
                    continue
                segments = head.message.segments
                if 0 < owed < segments:
                    continue
                due_ns = head.message.created_ns + self._linger_ns[lane]
                if due_ns > now_ns and live < self._max_batch[route.index]:
                    lingering_ns = due_ns if lingering_ns == UNTIL_ANSWER else min(lingering_ns, due_ns)
                    continue
                worth = min(live, owed) if owed else live
                reserve = lane != OTP and not passes_otps
                room = route.room(now_ns, segments, worth, reserve)
                if room.messages == 0:
                    return _ask_again(room.ask_ns, lingering_ns)
                best = slot != SHARED or self._choice is None
                most = (
                    room.messages if best else self._most_for_route(now_ns, route, head, room, worth, reserve)
                )
                if most == 0:
                    continue
                limit = min(room.segments, owed) if owed else room.segments
                batch = backlog.take(now_ns, slot, lane, route.name, most, limit)
                if not best:
                    batch = self._with_prices_of_first(batch)
                messages = tuple([ticket.message for ticket in batch])
                taken = sum([message.segments for message in messages])
                self._submit(now_ns, route, batch, messages, taken, effects)
                return _SENT_ONE
        return lingering_ns

    def _most_for_route(
        self, now_ns: int, route: RouteState, head: Ticket, room: RouteCapacity, worth: int, reserve: bool
    ) -> int:
        """How many messages ``route`` may take with ``head``; 0 if a better route for it can take it now."""
        choice = self._choice
        assert choice is not None
        message = head.message
        for other in choice.ranked(now_ns, message, head.lane):
            if other is route:
                break
            if (
                not other.blocked_until(now_ns)
                and other.room(now_ns, message.segments, worth, reserve).messages
            ):
                return 0
        # The messages behind it may be to another carrier, for which another route is better.
        if head.lane == OTP and choice.differs_by_carrier(now_ns, message, OTP):
            return 1
        return room.messages

    def _with_prices_of_first(self, batch: list[Ticket]) -> list[Ticket]:
        """Those of ``batch`` whose prices are those of its first. For the others another route may be better:
        they are given back.
        """
        choice = self._choice
        assert choice is not None
        if len(batch) < 2 or not choice.prices.differ_by_number:
            return batch
        prices = [choice.prices.of_all(ticket.message.to) for ticket in batch]
        others = [ticket for ticket, each in zip(batch, prices, strict=True) if each != prices[0]]
        if others:
            self._backlog.give_back(others)
        return [ticket for ticket, each in zip(batch, prices, strict=True) if each == prices[0]]

    def _next_unexpired(
        self, now_ns: int, queue: Queue, expired: Ticket, effects: list[Effect]
    ) -> Ticket | None:
        """The next ticket of a queue. Expired ones before it are ended."""
        head: Ticket | None = expired
        while head is not None and head.expires_ns <= now_ns:
            self._backlog.end(head, State.EXPIRED)
            self._states.expired(now_ns, head, effects)
            head = queue.head()
        return head

    def _submit(
        self,
        now_ns: int,
        route: RouteState,
        tickets: list[Ticket],
        messages: tuple[Message, ...],
        segments: int,
        effects: list[Effect],
    ) -> None:
        """Submit ``messages``, those of ``tickets``, which have ``segments``."""
        route.submitted(segments)
        if self._choice is not None:
            self._choice.sent(route, segments)
        self._shares.sent(tickets[0].queue, segments, self._backlog.ready)
        self._batches = self._states.early.newest_batch = batch_id = self._batches + 1
        self.in_flight[batch_id] = Batch(route, tickets, now_ns)
        if self._hedging is not None and tickets[0].lane == OTP:
            self._hedging.submitted(now_ns, tickets)
        effects.append(SubmitBatch(batch_id, route.name, messages))


def _ask_again(first_ns: int, second_ns: int) -> int:
    if UNTIL_ANSWER in (first_ns, second_ns):
        return max(first_ns, second_ns)
    return min(first_ns, second_ns)


def _earlier(first: int | None, second: int) -> int:
    return second if first is None else min(first, second)
