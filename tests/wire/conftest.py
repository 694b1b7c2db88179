"""A provider and a report receiver for tests over real sockets, each on a port of the system's choice."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

import pytest
import uvloop

from mock_provider.app import ProviderConfig, RunningProvider, start_provider
from mock_provider.profiles import Profile, load_profile

TOKEN, ADMIN_TOKEN = "wire-token", "wire-admin"
DEADLINE_S = 10.0


def _merged(target: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(target)
    for name, value in changes.items():
        nested = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _merged(merged[name], value) if nested and "kind" not in value else value
    return merged


class ProviderUnderTest:
    """A provider in a thread of its own."""

    token = TOKEN
    admin_token = ADMIN_TOKEN
    stop_grace_s = 0.5
    smpp_password = "wire-pw"

    def __init__(self, profile: Profile) -> None:
        self._launch = ProviderConfig(
            profile,
            token=TOKEN,
            admin_token=ADMIN_TOKEN,
            stop_grace_s=self.stop_grace_s,
            backup_port=0,
            smpp_port=0,
            smpp_password=self.smpp_password,
        )
        self._loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._running: RunningProvider = asyncio.run_coroutine_threadsafe(
            start_provider(self._launch), self._loop
        ).result(DEADLINE_S)
        self.url = self._running.url
        self.backup_url = self._running.backup_url
        host, _, smpp_port = self._running.smpp_address.rpartition(":")
        self.smpp_host, self.smpp_port = host, int(smpp_port)
        self._stopping: Future[None] | None = None

    def stop_soon(self) -> None:
        """Begin to stop; ``stop`` waits for it."""
        self._stopping = asyncio.run_coroutine_threadsafe(self._running.stop(), self._loop)

    def stop(self) -> None:
        if self._stopping is None:
            self.stop_soon()
        assert self._stopping is not None
        self._stopping.result(DEADLINE_S)
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    def request(
        self, path: str, body: bytes | None = None, method: str | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Status and body; no exception for 4xx and 5xx. Header names: underscores stand for dashes."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, data=body, headers=sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def admin(self, path: str, value: object = None, method: str | None = None) -> tuple[int, Any]:
        """Status and decoded JSON of an admin request."""
        body = None if value is None else json.dumps(value).encode()
        status, reply = self.request(
            "/admin" + path,
            body,
            method,
            Authorization=f"Bearer {ADMIN_TOKEN}",
            Content_Type="application/json",
        )
        return status, json.loads(reply)

    def state(self) -> dict[str, Any]:
        status, state = self.admin("/state")
        assert status == 200
        assert isinstance(state, dict)
        return state


class StartProvider(Protocol):
    def __call__(self, **changes: Any) -> ProviderUnderTest: ...


@pytest.fixture
def start() -> Iterator[StartProvider]:
    """Start a provider of the profile ``fast`` with changes to its sections."""
    with ExitStack() as stack:

        def start_one(**changes: Any) -> ProviderUnderTest:
            document = load_profile("fast").model_dump(mode="json", exclude_none=True)
            provider = ProviderUnderTest(Profile.model_validate(_merged(document, changes)))
            stack.callback(provider.stop)
            return provider

        yield start_one


@pytest.fixture
def provider(start: StartProvider) -> ProviderUnderTest:
    """A provider without limits worth naming."""
    return start()


class Receiver:
    """Takes delivery reports. ``answers`` are given in turn, then ``OK``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.paths: list[str] = []
        self.posts: list[tuple[dict[str, str], bytes]] = []  # headers, names in lower case, and body
        self.answers: list[tuple[int, bytes]] = []

    def next_answer(self, path: str) -> tuple[int, bytes]:
        answer = self.answers.pop(0) if self.answers else (200, b"OK")
        self.paths.append(path)
        return answer


@contextmanager
def _receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = receiving.next_answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiving.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.do_GET()

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiving = Receiver(f"http://127.0.0.1:{server.server_address[1]}/dlr")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiving
    finally:
        server.shutdown()
        thread.join(DEADLINE_S)
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of delivery reports."""
    with _receiving() as one:
        yield one


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until a condition holds; fail when it does not within the deadline."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come to hold"
            time.sleep(0.005)

    return wait
