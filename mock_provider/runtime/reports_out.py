"""Delivery reports over HTTP: pooled keep-alive connections, with a limit of concurrent calls.

The engine decides what to report, when, and when to repeat; this module makes the calls and returns their
results. Rendering does not delay replies: a fixed number of workers takes batches from a queue.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from msgspec import Struct

from mock_provider.engine.values import SendProgress, SendReports
from mock_provider.http.client import CallAnswer, CallFailedError, ReportClient
from mock_provider.http.messages import ReportCall
from mock_provider.runtime.health import Health

log = logging.getLogger(__name__)


class ReportCallSettings(Struct, frozen=True):
    concurrency: int = 32
    timeout_s: float = 10.0


class HttpReportSender:
    """Sends batches of reports to their receivers.

    ``answered(batch_id, confirmed)`` is called once for each batch: a batch whose reports need several calls
    is confirmed when all of them were.
    """

    def __init__(
        self,
        render: Callable[[SendReports | SendProgress], Sequence[ReportCall]],
        answered: Callable[[int, bool], None],
        settings: ReportCallSettings,
        health: Health,
    ) -> None:
        self._render = render
        self._answered = answered
        self._settings = settings
        self._health = health
        self._queue: asyncio.Queue[SendReports | SendProgress | None] = asyncio.Queue()  # None: stop
        self._workers: list[asyncio.Task[None]] = []
        self._client = ReportClient(settings.timeout_s)
        self._sweeping: asyncio.Task[None] | None = None
        self._in_flight = 0
        self.last_failure = ""  # the result of the last call that was not confirmed

    @property
    def pending(self) -> int:
        """Batches that are queued or being sent."""
        return self._queue.qsize() + self._in_flight

    @property
    def resent(self) -> int:
        """Calls repeated at once because the receiver had closed their idle connection."""
        return self._client.resent

    def drop_queued(self) -> None:
        """Drop the queued batches."""
        while not self._queue.empty():
            self._queue.get_nowait()

    def deliver(self, effect: SendReports | SendProgress) -> None:
        self._queue.put_nowait(effect)

    def start(self) -> None:
        """Start the workers on the running event loop."""
        self._sweeping = asyncio.create_task(self._sweep())
        self._health.watch(self._sweeping, "the time limit of report calls", loses_records=True)
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._settings.concurrency)]

    async def stop(self, grace_s: float) -> None:
        """Finish the current calls, for at most ``grace_s``. Queued messages stay open in the journal."""
        self.drop_queued()
        for _ in self._workers:
            self._queue.put_nowait(None)
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=grace_s)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._client.close()

    async def _sweep(self) -> None:
        """One timer for all calls: a call fails at most a tenth of the timeout late."""
        while True:
            await asyncio.sleep(self._settings.timeout_s / 10)
            self._client.give_up_late()

    async def _work(self) -> None:
        while (effect := await self._queue.get()) is not None:
            self._in_flight += 1
            try:
                await self._carry(effect)
            except Exception as error:
                # Keep the worker alive: if workers die silently, reports eventually stop. The messages of
                # this batch stay open.
                self._health.fail("a batch of reports", error, loses_records=False)
            finally:
                self._in_flight -= 1

    async def _carry(self, effect: SendReports | SendProgress) -> None:
        confirmed = True
        for call in self._render(effect):
            if not await self._call(call):
                confirmed = False
        if isinstance(effect, SendReports):
            self._answered(effect.batch_id, confirmed)

    async def _call(self, call: ReportCall) -> bool:
        try:
            answer = await self._client.call(call)
            confirmed, outcome = _confirms(answer, call), f"HTTP {answer.status}"
        except (CallFailedError, OSError, ValueError) as error:
            # Only the type: an error's text can contain the URL, and the URL contains phone numbers.
            log.debug("a report call failed: %s", type(error).__name__)
            confirmed, outcome = False, f"no answer ({type(error).__name__})"
        if not confirmed:
            self.last_failure = outcome
        return confirmed


def _confirms(answer: CallAnswer, call: ReportCall) -> bool:
    if call.confirming_body is None:
        return 200 <= answer.status < 300
    return answer.status == 200 and answer.body == call.confirming_body
