"""Delivery reports over HTTP: a pooled keep-alive client, bounded in how much it does at once.

The engine decides what is reported when, and when to try again; this module makes the calls and says how they
went. Rendering stands off the reply path: batches are taken from a queue by a fixed number of workers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import aiohttp
from msgspec import Struct
from yarl import URL

from mock_provider.engine.values import SendReports
from mock_provider.wire.calls import ReportCall

log = logging.getLogger(__name__)

_MAX_REPLY_BYTES = 256  # of a confirmation; longer replies confirm nothing and are not read


class CallbackSettings(Struct, frozen=True):
    concurrency: int = 32
    timeout_s: float = 10.0


class Callbacks:
    """Carries batches of reports to their receivers.

    ``answered(batch_id, confirmed)`` is called once a batch: a batch whose reports need several calls is
    confirmed when all of them were.
    """

    def __init__(
        self,
        render: Callable[[SendReports], Sequence[ReportCall]],
        answered: Callable[[int, bool], None],
        settings: CallbackSettings,
    ) -> None:
        self._render = render
        self._answered = answered
        self._settings = settings
        self._queue: asyncio.Queue[SendReports | None] = asyncio.Queue()  # None: no more work
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self._under_way = 0
        self.calls = 0
        self.failures = 0

    @property
    def pending(self) -> int:
        """Batches queued or under way."""
        return self._queue.qsize() + self._under_way

    def deliver(self, effect: SendReports) -> None:
        self._queue.put_nowait(effect)

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._settings.concurrency, limit_per_host=0),
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "smsbench-provider", "Accept": "*/*"},
            skip_auto_headers=("Accept-Encoding",),
        )
        self._workers = [
            asyncio.create_task(self._work(self._session)) for _ in range(self._settings.concurrency)
        ]

    async def stop(self, grace_s: float) -> None:
        """Finish what is under way, for at most ``grace_s``; what is queued stays open in the journal."""
        while not self._queue.empty():
            self._queue.get_nowait()
        for _ in self._workers:
            self._queue.put_nowait(None)
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=grace_s)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while (effect := await self._queue.get()) is not None:
            self._under_way += 1
            confirmed = True
            try:
                for call in self._render(effect):
                    if not await self._call(session, call):
                        confirmed = False
            finally:
                self._under_way -= 1
            self._answered(effect.batch_id, confirmed)

    async def _call(self, session: aiohttp.ClientSession, call: ReportCall) -> bool:
        self.calls += 1
        headers = {"Content-Type": call.content_type} if call.content_type else None
        try:
            # The wire has quoted the URL; yarl would go through every byte of it again.
            async with session.request(
                call.method,
                URL(call.url, encoded=True),
                data=call.body or None,
                headers=headers,
                allow_redirects=False,
            ) as reply:
                body = b""
                async for chunk in reply.content.iter_any():
                    body += chunk
                    if len(body) > _MAX_REPLY_BYTES:
                        break
                confirmed = reply.status == 200 and body == call.confirming_body
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # The type alone: an error's text can hold the URL, and the URL holds phone numbers.
            log.debug("a report call failed: %s", type(error).__name__)
            confirmed = False
        if not confirmed:
            self.failures += 1
        return confirmed
