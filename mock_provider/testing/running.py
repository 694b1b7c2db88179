"""A real provider in a thread: for tests that send over sockets."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

import uvloop

from mock_provider.app import ProviderConfig, RunningProvider, start_provider
from mock_provider.inbox.admin.documents import document_of
from mock_provider.profiles import Profile, load_profile, parse_profile
from mock_provider.profiles.merging import merged

DEADLINE_S = 10.0
_LOOK_EVERY_S = 0.005

Found = TypeVar("Found")


def changed_profile(name_or_path: str, **sections: Any) -> Profile:
    """A profile with changed sections, merged as ``PATCH /admin/profile`` does. Raises ``ProfileError``."""
    return parse_profile(merged(document_of(load_profile(name_or_path)), sections), name_or_path)


class ProviderThread:
    """A provider in a separate thread with its own event loop. Also a context manager, which stops it.

    Raises ``OSError`` if it cannot listen. Ports are chosen by the system unless ``config`` names them.
    """

    def __init__(self, config: ProviderConfig) -> None:
        self.stop_grace_s = config.stop_grace_s
        self._loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mock provider")
        self._thread.start()
        try:
            starting = asyncio.run_coroutine_threadsafe(start_provider(config), self._loop)
            self._provider: RunningProvider = starting.result(DEADLINE_S)
        except BaseException:
            self._end_thread()
            raise
        generated = self._provider.generated
        account_tokens = (config.token, *config.profile.account.tokens, generated.get("token", ""))
        self.url = self._provider.url
        self.backup_url = self._provider.backup_url  # "": there is none
        self.smpp_host, _, smpp_port = self._provider.smpp_address.rpartition(":")
        self.smpp_port = int(smpp_port or 0)  # 0: it does not speak SMPP
        self.token = next(filter(None, account_tokens))
        self.admin_token = config.admin_token or generated["admin_token"]
        self.smpp_password = config.smpp_password or generated.get("smpp_password", "")
        self._stopping: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def messages(self) -> list[dict[str, Any]]:
        """The captured messages, oldest first, as ``GET /admin/messages`` describes them; at most 1,000."""
        found = self._ok("/messages?limit=1000")["messages"]
        return list(reversed(found))

    def state(self) -> dict[str, Any]:
        """``GET /admin/state``: totals, counters and gauges."""
        return self._ok("/state")

    def begin_fault(self, kind: str, **fields: Any) -> None:
        """Begin a fault now: ``begin_fault("outage", duration_s=5)``. docs/faults.md lists the kinds."""
        self._ok("/faults", {"kind": kind} | fields, "POST")

    def end_faults(self) -> None:
        self._ok("/faults", method="DELETE")

    def reset(self) -> None:
        """Delete all messages, counts and used limits."""
        self._ok("/reset", method="POST")

    def wait_until(self, condition: Callable[[], bool], within_s: float = DEADLINE_S) -> None:
        """Wait until the condition holds. Raises ``TimeoutError``."""
        deadline_s = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"the condition did not hold within {within_s:g} s")
            time.sleep(_LOOK_EVERY_S)

    def wait_until_idle(self, within_s: float = DEADLINE_S) -> None:
        """Wait until every accepted message is final and its report is answered. Raises ``TimeoutError``."""
        self.wait_until(lambda: self.state()["open"] == 0, within_s)

    def request(
        self, path: str, body: bytes | None = None, method: str | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Status and body of any request; no exception for 4xx and 5xx.

        Names of headers have underscores for dashes: ``Content_Type="text/plain"``.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, body, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def admin(self, path: str, value: object = None, method: str | None = None) -> tuple[int, Any]:
        """Status and decoded JSON of ``/admin`` + ``path``; no exception for 4xx and 5xx."""
        body = None if value is None else json.dumps(value).encode()
        bearer = f"Bearer {self.admin_token}"
        status, reply = self.request(
            f"/admin{path}", body, method, Authorization=bearer, Content_Type="application/json"
        )
        return status, json.loads(reply)

    def in_loop(self, call: Callable[[RunningProvider], Found]) -> Found:
        """The result of a function that is called with the provider, on its event loop."""

        async def called() -> Found:
            return call(self._provider)

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(DEADLINE_S)

    def stop_soon(self) -> None:
        """Begin to stop. ``stop`` waits for the end."""
        if self._stopping is None:
            self._stopping = asyncio.run_coroutine_threadsafe(self._provider.stop(), self._loop)

    def stop(self) -> None:
        """Stop cleanly. A second call does nothing."""
        if self._loop.is_closed():
            return
        self.stop_soon()
        assert self._stopping is not None
        try:
            self._stopping.result(DEADLINE_S)
        finally:
            self._end_thread()

    def _ok(self, path: str, value: object = None, method: str | None = None) -> dict[str, Any]:
        status, answer = self.admin(path, value, method)
        if status != 200:
            raise ValueError(f"the provider refused /admin{path}: {answer}")
        assert isinstance(answer, dict)
        return answer

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()
