"""The way of a submit to the engine, for protocols that keep connections of their own (SMPP)."""

from __future__ import annotations

from msgspec import Struct

from mock_provider.engine.faults.hooks import Interruption
from mock_provider.engine.values import Accepted, Answer, Submit
from mock_provider.inbox.store import Inbox
from mock_provider.protocols.actions import OnAnswer
from mock_provider.runtime.clock_driver import ClockDriver


class _Remembered(Struct, frozen=True, gc=False):
    """Puts an accepted submit into the inbox before its answer is given."""

    inbox: Inbox
    submit: Submit
    wall_s: float
    on_answer: OnAnswer

    def __call__(self, answer: Answer | None) -> None:
        if isinstance(answer, Accepted):
            self.inbox.remember(self.submit, answer, self.wall_s)
        self.on_answer(answer)


class Submissions:
    def __init__(self, driver: ClockDriver, inbox: Inbox) -> None:
        self._driver = driver
        self._inbox = inbox
        self.next_request_id = driver.next_request_id
        self.forget = driver.forget
        self.advance = driver.advance

    def submit(self, now_ns: int, wall_s: float, submit: Submit, on_answer: OnAnswer) -> int | None:
        """As ``ClockDriver.submit``; ``wall_s`` is the time at which the inbox shows the messages."""
        return self._driver.submit(now_ns, submit, _Remembered(self._inbox, submit, wall_s, on_answer))

    def outage(self, now_ns: int) -> Interruption | None:
        return self._driver.engine.outage(now_ns)
