"""A sender's API that answers at once, freezes or falls silent."""

from __future__ import annotations

import asyncio
import threading
import time

from aiohttp import web


class StubSender:
    """Answers like the reference sender, from a thread of its own; may freeze once, or stop answering."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[dict[str, object]] = []
        self.freeze_after_s: float | None = None  # after the first request, for one second
        self.silent_after: int | None = None  # requests
        self._first_s: float | None = None
        self._may_answer = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        now_s = time.monotonic()
        self._first_s = self._first_s or now_s
        if self.freeze_after_s is not None and now_s - self._first_s >= self.freeze_after_s:
            self.freeze_after_s = None
            time.sleep(1.0)  # the whole server stalls: that is what is tested
        if self.silent_after is not None and len(self.bodies) > self.silent_after:
            await self._may_answer.wait()
        return web.json_response({"id": "m-1", "key": "k", "state": "queued"}, status=202)

    def count_from_the_next(self) -> None:
        """``freeze_after_s`` counts from the next request."""
        self._first_s = None

    def answer_the_rest(self) -> None:
        self._loop.call_soon_threadsafe(self._may_answer.set)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._open())
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _open(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/messages", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
