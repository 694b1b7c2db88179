"""The engine in real time: one timer for its next deadline, one callback a reply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from mock_provider.engine import Engine
from mock_provider.engine.values import Answer, Effect, Reply, SendProgress, SendReports, Submit

OnAnswer = Callable[[Answer | None], None]

_NS_PER_MS = 1_000_000
# A timer fires up to a tick early (libuv counts milliseconds): what is due this soon is due now.
_EARLY_NS = 50_000


class Driver:
    """Calls the engine with the clock's time and carries out its effects.

    The engine's clock is CLOCK_MONOTONIC in nanoseconds, the same for all processes of this machine.
    """

    def __init__(
        self,
        engine: Engine,
        loop: asyncio.AbstractEventLoop,
        deliver_reports: Callable[[SendReports | SendProgress], None],
    ) -> None:
        self.engine = engine
        self._loop = loop
        self._deliver_reports = deliver_reports
        self._waiting: dict[int, OnAnswer] = {}
        self._timer_ns = 0  # when the armed timer will look
        self._timer: asyncio.TimerHandle | None = None
        self._last_request_id = 0

    def next_request_id(self) -> int:
        self._last_request_id += 1
        return self._last_request_id

    def now_ns(self) -> int:
        """The engine's clock."""
        return time.monotonic_ns()

    @property
    def waiting(self) -> int:
        """Requests whose reply has not come yet."""
        return len(self._waiting)

    def submit(self, now_ns: int, submit: Submit, on_answer: OnAnswer) -> int | None:
        """Submit; ``on_answer`` gets the answer, or None in its place: cut the connection.

        Returns None if it got it at once, else the number by which the wait can be given up (``forget``).
        """
        request_id = submit.request_id
        self._waiting[request_id] = on_answer
        for effect in self.engine.submit(now_ns, submit):
            self._apply(effect)
        self._arm(now_ns)
        return request_id if request_id in self._waiting else None

    def forget(self, request_id: int) -> None:
        """The client has gone: nobody waits for this reply."""
        self._waiting.pop(request_id, None)

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Effects of an engine call made elsewhere (cancel, report answers, reconfiguration)."""
        for effect in effects:
            self._apply(effect)
        self._arm(self.now_ns())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _apply(self, effect: Effect) -> None:
        if type(effect) is SendReports or type(effect) is SendProgress:
            self._deliver_reports(effect)
            return
        assert not isinstance(effect, SendReports | SendProgress)
        on_answer = self._waiting.pop(effect.request_id, None)
        if on_answer is not None:
            on_answer(effect.answer if type(effect) is Reply else None)

    def _arm(self, now_ns: int) -> None:
        due_ns = self.engine.next_due()
        if due_ns is None:
            return
        if self._timer is not None:
            # An earlier timer only looks again; under load, arming one for each deadline would cost more than
            # the deadlines do.
            if self._timer_ns <= due_ns:
                return
            self._timer.cancel()
        self._start_timer(due_ns, now_ns)

    def _start_timer(self, due_ns: int, now_ns: int) -> None:
        delay_ms = max(0, -((now_ns - due_ns) // _NS_PER_MS))  # rounded up
        self._timer_ns = due_ns
        self._timer = self._loop.call_later(delay_ms / 1000, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        due_ns = self.engine.next_due()
        if due_ns is None:
            return
        now_ns = time.monotonic_ns()
        if now_ns < due_ns - _EARLY_NS:
            self._start_timer(due_ns, now_ns)
        else:
            self.carry_out(self.engine.advance(max(due_ns, now_ns)))
