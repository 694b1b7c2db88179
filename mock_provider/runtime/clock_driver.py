"""The engine in real time: one timer for its next deadline, one callback for each reply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from mock_provider.engine import Engine
from mock_provider.engine.values import (
    Answer,
    Disconnect,
    Effect,
    Refused,
    Reply,
    SendProgress,
    SendReports,
    Submit,
)
from mock_provider.protocols.actions import OnAnswer
from mock_provider.runtime.deadline_timer import deadline_timer

# Do not re-arm for a deadline less than 100 us earlier than the armed one: re-arming costs more than the
# delay.
_GATHER_NS = 100_000
# Minimum interval between timer callbacks: one costs as much as a reply, and each request carries out due
# effects anyway. Replies that become due in between are sent together, at most 0.4 ms late.
_REST_NS = 400_000
_LATENESS_PERIOD_NS = 1_000_000_000
# A distribution's tail may exceed a timer's range; a callback that is too early only re-arms.
_LONGEST_NS = 3_600_000_000_000


class ClockDriver:
    """Calls the engine with the clock's time and carries out its effects.

    The engine's clock is CLOCK_MONOTONIC in nanoseconds, the same for all processes of this machine.
    """

    def __init__(
        self,
        engine: Engine,
        loop: asyncio.AbstractEventLoop,
        deliver_reports: Callable[[SendReports | SendProgress], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        """``on_failure`` gets the engine's exceptions from timer callbacks."""
        self.engine = engine
        # The answer to every submit from now on; None: the engine decides.
        self.refusal: Refused | None = None
        self._on_failure = on_failure
        self._deliver_reports = deliver_reports
        self._carry: Callable[[Effect], None] = self.perform
        self._waiting: dict[int, OnAnswer] = {}
        self._timer_ns = 0  # when the armed timer fires; 0: it is not armed
        self._rested_ns = 0  # not before this instant
        self._timer = deadline_timer(loop, self._on_timer)
        self._late_ns = self._late_before_ns = 0  # the worst in this period, and in the previous one
        self._late_since_ns = 0
        self._last_request_id = 0

    def next_request_id(self) -> int:
        self._last_request_id += 1
        return self._last_request_id

    def now_ns(self) -> int:
        """The engine's clock."""
        return time.monotonic_ns()

    @property
    def waiting(self) -> int:
        """Requests without a reply yet."""
        return len(self._waiting)

    def submit(self, now_ns: int, submit: Submit, on_answer: OnAnswer) -> int | None:
        """Submit; ``on_answer`` gets the answer, or None in its place: cut the connection.

        Returns None if the answer came at once, otherwise the number for ``forget``.
        """
        if self.refusal is not None:
            on_answer(self.refusal)
            return None
        request_id = submit.request_id
        effects = self.engine.submit(now_ns, submit)
        self._waiting[request_id] = on_answer
        for effect in effects:
            self._carry(effect)
        self._arm(now_ns)
        return request_id if request_id in self._waiting else None

    def hold_back_by(self, hold: Callable[[Effect], None]) -> None:
        """From now on ``hold`` gets every effect, and calls ``perform`` with it when it may do so."""
        self._carry = hold

    def forget(self, request_id: int) -> None:
        """The client has disconnected: drop this reply."""
        self._waiting.pop(request_id, None)

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Effects of an engine call made elsewhere (cancel, report answers, reconfiguration)."""
        for effect in effects:
            self._carry(effect)
        self._arm(self.now_ns())

    def advance(self) -> None:
        """Carry out effects that are due now. Do not call it while an answer is handled: see ``wake``."""
        self.carry_out(self.engine.advance(self.now_ns()))

    def wake(self) -> None:
        """After an engine call without effects: carry out the due effects in a later turn of the loop.

        Not at once: the caller may be answering a submit, and a report must not overtake that answer.
        """
        self._arm(self.now_ns())

    def stop(self) -> None:
        self._timer.close()

    def lateness_ms(self) -> float:
        """The largest delay of a timer callback after its deadline, in the last one to two seconds."""
        passed_ns = self.now_ns() - self._late_since_ns
        if passed_ns > 2 * _LATENESS_PERIOD_NS:
            return 0.0
        return max(self._late_ns, self._late_before_ns) / 1e6

    def perform(self, effect: Effect) -> None:
        """Carry out one effect."""
        answer: Answer | None = None
        # The most frequent type first: a test for another type of Struct takes ten times as long.
        if isinstance(effect, Reply):
            answer = effect.answer
        elif isinstance(effect, SendReports) or not isinstance(effect, Disconnect):
            self._deliver_reports(effect)
            return
        on_answer = self._waiting.pop(effect.request_id, None)
        if on_answer is not None:
            on_answer(answer)

    def _arm(self, now_ns: int) -> None:
        armed_ns = self._timer_ns
        earliest_ns = now_ns if now_ns > self._rested_ns else self._rested_ns
        if armed_ns and armed_ns <= earliest_ns + _GATHER_NS:  # no deadline would make it earlier
            return
        due_ns = self.engine.next_due()
        if due_ns is None:
            return
        # A callback that is too early only re-arms.
        at_ns = min(max(due_ns, earliest_ns), now_ns + _LONGEST_NS)
        if not armed_ns or armed_ns > at_ns + _GATHER_NS:
            self._timer_ns = at_ns
            self._timer.arm(at_ns)

    def _on_timer(self) -> None:
        self._timer_ns = 0
        due_ns = self.engine.next_due()
        if due_ns is None:
            return
        now_ns = time.monotonic_ns()
        if now_ns < due_ns:
            self._arm(now_ns)
            return
        self._rested_ns = now_ns + _REST_NS
        self._note_lateness(now_ns, now_ns - due_ns)
        try:
            self.carry_out(self.engine.advance(now_ns))
        except Exception as error:
            self._on_failure(error)
            self._arm(now_ns)

    def _note_lateness(self, now_ns: int, late_ns: int) -> None:
        if now_ns - self._late_since_ns > _LATENESS_PERIOD_NS:
            recent = now_ns - self._late_since_ns < 2 * _LATENESS_PERIOD_NS
            self._late_before_ns = self._late_ns if recent else 0
            self._late_ns, self._late_since_ns = 0, now_ns
        if late_ns > self._late_ns:
            self._late_ns = late_ns
