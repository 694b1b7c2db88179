"""Servers to aim a load at, and Locust as the process of its own that it must be (gevent patches what it
enters).
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

ROOT = Path(__file__).parents[2]


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
            time.sleep(1.0)  # the whole server stands still: that is what is being tested
        if self.silent_after is not None and len(self.bodies) > self.silent_after:
            await self._may_answer.wait()
        return web.json_response({"id": "m-1", "key": "k", "state": "queued"}, status=202)

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


@pytest.fixture
def sender() -> Iterator[StubSender]:
    stub = StubSender()
    stub.start()
    yield stub
    stub.stop()


@pytest.fixture
def locust() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start Locust with these arguments; whatever is still running at the end is killed.

    ``most_bytes``: what a file of it may have; a write beyond fails, as on a full disk.
    """
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, most_bytes: int = resource.RLIM_INFINITY) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "locust", "--only-summary", "--exit-code-on-error", "0", *arguments],
            cwd=ROOT,
            env={**os.environ, "SMSBENCH_SENDER_TOKEN": "t", "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=partial(
                resource.setrlimit, resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY)
            ),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _heed_signals() -> None:
    """A shell gives its background jobs an ignored SIGINT, nohup an ignored SIGHUP, and they pass it on."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def smsbench() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the ``smsbench`` command; whatever is still running at the end is ended in order."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "loadtests.cli", *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_heed_signals,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate()


def _until(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, "the condition did not come true in time"
        time.sleep(0.02)


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait for a condition, with a deadline."""
    return _until
