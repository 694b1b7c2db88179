"""A submit on its way in, and its reply on the way out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mock_provider.engine.account import MICRO
from mock_provider.engine.admission import Admission, Admitted
from mock_provider.engine.counters import Counters
from mock_provider.engine.delivery import DeliveryPipeline
from mock_provider.engine.distributions import nanoseconds, sampler
from mock_provider.engine.draws import Draws, id_of
from mock_provider.engine.event_queue import EventQueue
from mock_provider.engine.faults.touched import MAGIC, mark, mark_all
from mock_provider.engine.faults.windows import NO_FAULTS
from mock_provider.engine.lifecycle import Stage
from mock_provider.engine.message import VANISHED, TrackedMessage, has_rare_wishes, wish
from mock_provider.engine.message_store import MessageStore
from mock_provider.engine.segments import ucs2_for
from mock_provider.engine.values import (
    Accepted,
    AcceptedMessage,
    Answer,
    Disconnect,
    Effect,
    Outbound,
    Refusal,
    Refused,
    Reply,
    Submit,
)

if TYPE_CHECKING:
    from mock_provider.engine.faults.outage import Outage
    from mock_provider.engine.faults.windows import ActiveFaults, FaultWindows
    from mock_provider.profiles.schema import Profile

_DELAYED_FOR_HOURS = "delayed_quiet_hours"
_UNANSWERED_KEPT = 10_000
_CHANCES_KEPT = 1_000  # requests unanswered at once whose messages keep their chances
_UNDRAWN = (0.5, 0.5, 1.0, 0.5)  # where the profile leaves nothing of an attempt to chance
_THROTTLED = {Refusal.THROTTLED_REQUESTS: "requests", Refusal.THROTTLED_SEGMENTS: "segments"}
# The profile's limits. One on requests at once is a limit on the rate of a client that waits for each.
_RATE_LIMITED = frozenset([*_THROTTLED, Refusal.THROTTLED_CONCURRENCY])
_REFUSED = Stage.REFUSED


class PendingReply(Struct, frozen=True, gc=False):
    """An answer on its way out; ``answer`` None: it never leaves, but the messages go on at that instant."""

    request_id: int
    answer: Answer | None
    messages: tuple[TrackedMessage, ...]
    scheduled_ns: int | None
    disconnect: bool = False
    wall_offset_ns: int = 0  # by which ``scheduled_ns`` was found


class Lost(Struct, frozen=True, gc=False):
    """The submit did not get in; no reply comes of it."""

    disconnect: bool


class SubmitHandler:
    """Reads a submit, has it judged, and lets the reply leave when its latency has passed."""

    def __init__(
        self,
        event_queue: EventQueue,
        draws: Draws,
        counters: Counters,
        message_store: MessageStore,
        admission: Admission,
        pipeline: DeliveryPipeline,
        remove: Callable[[int, str], bool],
    ) -> None:
        """``remove`` takes a scheduled message out, as of an instant, by its id."""
        self._remove = remove
        self._event_queue = event_queue
        self._on_release = event_queue.handler(self._release)
        self._draws = draws
        self._counters = counters
        self._message_store = message_store
        self._admission = admission
        self._pipeline = pipeline
        self.wall_offset_ns = 0
        self._last_price = 0, 0.0  # in millionths of a point, in points: most messages cost the same
        self.pending = 0  # replies that have not left
        # Taken, and the reply never leaves: for those who want to see what the client cannot know.
        self.unanswered: deque[tuple[Submit, Accepted]] = deque(maxlen=_UNANSWERED_KEPT)

    def apply(self, profile: Profile, faults: FaultWindows) -> None:
        """Settings and faults that hold from now on."""
        self._faults = faults
        self._faulty = bool(faults.windows)
        self._reply_latency = sampler(profile.reply.latency)
        self._attempts_are_drawn = profile.reply.latency.kind != "fixed" or bool(profile.reply.errors)
        self._validity_ns = nanoseconds(profile.delivery.validity_s)
        self._report_url = profile.account.report_url
        self._magic_numbers = profile.numbers.magic

    def submit(self, now_ns: int, submit: Submit, effects: list[Effect]) -> None:
        self._counters.requests += 1
        outbounds = () if submit.validate_only else submit.messages
        seen, all_new = self._message_store.see(outbounds, submit.protocol, now_ns)
        keys: Sequence[str] = ()
        if seen and all_new:  # need no comparing: the first one is all that is asked for
            key, attempt = seen[0].key, 1
        else:
            keys = [each.key for each in seen or submit.messages]
            key = _drawn_by(submit, keys)
            attempt = seen[0].submits if seen else self._message_store.see_unrecorded(key)
        active = self._faults.at(now_ns) if self._faulty else NO_FAULTS
        answer: Answer | None = None
        if not active.none:
            met = self._front(key, attempt, seen, active, submit.backup_host)
            if isinstance(met, Lost):
                self._lose(submit, seen, met.disconnect, effects)
                return
            answer = met
        u, v, w, _ = self._draws.attempt(key, attempt) if self._attempts_are_drawn else _UNDRAWN
        messages: tuple[TrackedMessage, ...] = ()
        if answer is None:
            judged = self._admission.judge(now_ns, submit, keys, w, self.pending)
            if isinstance(judged, Admitted):
                answer, messages = self._accept(now_ns, submit, seen, judged)
            else:
                answer = judged
        if isinstance(answer, Refused):
            self._note_refusal(answer.reason, seen, active)
        latency_ns = self._reply_latency(u, v)
        wall_offset_ns = self.wall_offset_ns
        pending = PendingReply(
            submit.request_id, answer, messages, submit.scheduled_ns, False, wall_offset_ns
        )
        if not active.none:
            latency_ns = _slowed(now_ns, latency_ns, messages or seen, active)
            pending = self._perhaps_withheld(submit, pending, key, attempt, active)
            self._let_vanish(messages, active)
            _note_closed(seen, active)
        if self._magic_numbers and messages:
            latency_ns, pending = self._by_magic(submit, latency_ns, pending)
        self.pending += 1
        if latency_ns <= 0:
            self._release(now_ns, now_ns, pending, effects)
        else:
            self._put_off(now_ns + latency_ns, pending)
        self._message_store.trim()

    def _put_off(self, due_ns: int, pending: PendingReply) -> None:
        """A hundred thousand replies may wait: beyond some, what can be drawn again is given up."""
        if self.pending > _CHANCES_KEPT:
            for message in pending.messages:
                message.chances = b""
        self._event_queue.add(due_ns, self._on_release, pending)

    def outage(self, at_ns: int, backup_host: bool) -> Outage | None:
        """The outage in force at that host, if there is one."""
        return next((each for each in self._faults.at(at_ns).outages if each.meets(backup_host)), None)

    def _front(
        self, key: str, attempt: int, seen: list[TrackedMessage], active: ActiveFaults, backup_host: bool
    ) -> Refused | Lost | None:
        """What meets a submit before anything of it is read."""
        for outage in active.outages:
            if not outage.meets(backup_host):
                continue
            mark_all(seen, outage.name)
            if outage.disconnect or outage.hang:
                return Lost(outage.disconnect)
            return Refused(Refusal.UNAVAILABLE)
        for hang in active.hangs:
            if not hang.accepted and hang.hits(self._draws, key, attempt):
                mark_all(seen, hang.name)
                return Lost(hang.disconnect)
        for error in active.errors:
            refusal = error.refusal(self._draws, key, attempt)
            if refusal is not None:
                mark_all(seen, error.name)
                return Refused(refusal)
        return None

    def _perhaps_withheld(
        self, submit: Submit, pending: PendingReply, key: str, attempt: int, active: ActiveFaults
    ) -> PendingReply:
        for hang in active.hangs:
            if hang.accepted and hang.hits(self._draws, key, attempt):
                mark_all(pending.messages, hang.name)
                return self._withheld(submit, pending, hang.disconnect)
        return pending

    def _withheld(self, submit: Submit, pending: PendingReply, disconnect: bool) -> PendingReply:
        self._counters.requests_hung += 1
        if isinstance(pending.answer, Accepted) and pending.messages:
            self.unanswered.append((submit, pending.answer))
        return replace(pending, answer=None, disconnect=disconnect)

    def _let_vanish(self, messages: Iterable[TrackedMessage], active: ActiveFaults) -> None:
        for loss in active.losses:
            for message in messages:
                if loss.hits(self._draws, message.key, message.ordinal):
                    mark(message, loss.name)
                    message.fate = VANISHED

    def _by_magic(self, submit: Submit, latency_ns: int, pending: PendingReply) -> tuple[int, PendingReply]:
        """What the magic numbers among the recipients make of the reply."""
        for message in pending.messages:
            magic = message.magic
            if magic is None:
                continue
            mark(message, MAGIC)
            latency_ns += magic.reply_delay_ns
            if magic.vanishes:
                message.fate = VANISHED
            if magic.reply != "sent" and pending.answer is not None:
                pending = self._withheld(submit, pending, magic.reply == "cut")
        return latency_ns, pending

    def _lose(
        self, submit: Submit, seen: list[TrackedMessage], disconnect: bool, effects: list[Effect]
    ) -> None:
        for message in seen:
            message.reason = "disconnected" if disconnect else "no_reply"
        if disconnect:
            self._counters.disconnects += 1
            effects.append(Disconnect(submit.request_id))
        else:
            self._counters.requests_hung += 1
        self._message_store.trim()

    def _note_refusal(self, reason: Refusal, seen: list[TrackedMessage], active: ActiveFaults) -> None:
        refused = self._counters.refused
        refused[reason] = refused.get(reason, 0) + 1
        name = reason.value
        for message in seen:
            message.reason = name
        if reason in _RATE_LIMITED:
            for message in seen:
                message.throttled += 1
        if not active.none:
            for drop in active.drops:
                if _THROTTLED.get(reason) == drop.limit:
                    mark_all(seen, drop.name)

    def _accept(
        self, now_ns: int, submit: Submit, seen: list[TrackedMessage], admitted: Admitted
    ) -> tuple[Accepted, tuple[TrackedMessage, ...]]:
        counters = self._counters
        if submit.validate_only:
            counters.validated += 1
            return Accepted(
                tuple(_answered("", c.outbound, c.price_micro) for c in admitted.candidates),
                admitted.invalid_numbers,
                tuple(admitted.left_out),
            ), ()
        counters.requests_accepted += 1
        for index, reason in admitted.left_out:
            seen[index].reason = reason.value
        counters.skipped += len(admitted.left_out)
        messages, answered, segments = self._take(now_ns, submit, seen, admitted)
        self._pipeline.reserve(messages, segments)
        if submit.replaces:
            self._remove(now_ns, submit.replaces)
        counters.accepted_segments += segments
        counters.accepted += len(messages)
        return Accepted(answered, admitted.invalid_numbers, tuple(admitted.left_out)), messages

    def _take(
        self, now_ns: int, submit: Submit, seen: list[TrackedMessage], admitted: Admitted
    ) -> tuple[tuple[TrackedMessage, ...], tuple[AcceptedMessage, ...], int]:
        """The candidates as messages, as the answer names them, and how many segments they have."""
        id_style = submit.id_style or self._admission.rules(submit.protocol).id_style
        start_ns = now_ns if submit.scheduled_ns is None else max(now_ns, submit.scheduled_ns)
        expires_ns = start_ns + self._validity_ns if submit.expires_ns is None else submit.expires_ns
        report_url = submit.report_url or self._report_url
        protocol, sender_id = submit.protocol, submit.sender_id
        priority, queue_first, rare = submit.priority, admitted.queue_first, has_rare_wishes(submit)
        accept, name, chances_of = self._message_store.accept, self._message_store.name, self._draws.message
        messages: list[TrackedMessage] = []
        answered: list[AcceptedMessage] = []
        total_segments, (last_micro, price) = 0, self._last_price
        last_text = odd = ""
        for candidate in admitted.candidates:
            outbound = candidate.outbound
            message = accept(seen[candidate.index], now_ns)
            message.chances = chances = chances_of(message.key, message.ordinal)
            message.provider_id = provider_id = id_of(chances, id_style)
            message.protocol = protocol
            message.segments = segments = outbound.segments
            message.client_ref = client_ref = outbound.client_ref
            message.msisdn = msisdn = outbound.msisdn
            message.sender_id = sender_id
            message.report_url = report_url
            message.country = candidate.country
            message.carrier = candidate.carrier
            message.price_micro = micro = candidate.price_micro
            message.expires_ns = expires_ns
            if priority or queue_first:
                message.priority, message.queue_first = priority, queue_first
            if rare:
                wish(message, submit)
            if candidate.not_before_ns > start_ns:
                self._delay(message, submit, candidate.not_before_ns)
            if candidate.magic is not None:
                message.magic = candidate.magic
            text = outbound.text
            if text is not last_text:  # the same for all of many a request
                last_text, odd = text, ucs2_for(text)
            if odd:
                message.ucs2_for = odd
            name(message)
            total_segments += segments
            if micro != last_micro:
                last_micro, price = self._last_price = micro, micro / MICRO
            messages.append(message)
            answered.append(
                AcceptedMessage(provider_id, msisdn, outbound.submitted_number, client_ref, segments, price)
            )
        return tuple(messages), tuple(answered), total_segments

    def _delay(self, message: TrackedMessage, submit: Submit, until_ns: int) -> None:
        """Its country's hours keep a message back; its validity begins when it may go, if it names no end."""
        self._counters.delayed += 1
        message.not_before_ns = until_ns
        message.delayed_for = _DELAYED_FOR_HOURS
        if submit.expires_ns is None:
            message.expires_ns = until_ns + self._validity_ns

    def _release(self, due_ns: int, now_ns: int, pending: PendingReply, effects: list[Effect]) -> None:
        """The reply leaves, and its messages go on their way."""
        self.pending -= 1
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
        moved_ns = self.wall_offset_ns - pending.wall_offset_ns
        if moved_ns:
            scheduled_ns = None if scheduled_ns is None else scheduled_ns - moved_ns
            for message in pending.messages:
                if message.not_before_ns or scheduled_ns is not None:
                    message.wall_moved(moved_ns)
        for message in pending.messages:
            message.t_answered_ns = t_answered_ns
            message.reply_ns = due_ns - message.t_accepted_ns
            if message.fate is VANISHED:
                self._pipeline.vanish(entered_ns, message)
            elif message.not_before_ns > entered_ns:
                self._pipeline.hold(message.not_before_ns, message)
            elif scheduled_ns is not None and scheduled_ns > entered_ns:
                self._pipeline.hold(scheduled_ns, message)
            else:
                self._pipeline.enter(entered_ns, now_ns, message, effects)


def _slowed(now_ns: int, latency_ns: int, messages: Sequence[TrackedMessage], active: ActiveFaults) -> int:
    """The reply's latency under the faults that slow replies."""
    for slowness in active.reply_delays:
        latency_ns = slowness.applied(latency_ns, now_ns)
        mark_all(messages, slowness.name)
    return latency_ns


def _note_closed(seen: list[TrackedMessage], active: ActiveFaults) -> None:
    """Of those that were not accepted: which were not because their network is down."""
    for down in active.refusing:
        for message in seen:
            if message.stage is _REFUSED and message.reason == down.refusal.value:
                mark(message, down.name)


def _drawn_by(submit: Submit, keys: list[str]) -> str:
    """What a request's own chances hang on: its first key, or the first number of one that has none."""
    if keys:
        return keys[0] or submit.messages[0].msisdn
    return submit.unparsable[0] if submit.unparsable else ""


def _answered(provider_id: str, outbound: Outbound, price_micro: int) -> AcceptedMessage:
    return AcceptedMessage(
        provider_id,
        outbound.msisdn,
        outbound.submitted_number,
        outbound.client_ref,
        outbound.segments,
        price_micro / MICRO,
    )
