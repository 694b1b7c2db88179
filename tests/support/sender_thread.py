"""A whole sender, as the command runs it, in a thread of the test."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvloop

from reference_sender.server import SenderSettings, serve
from reference_sender.store import open_store
from user_input.listening import bind

TOKEN = "client-token"
_DEADLINE_S = 20.0


class SenderThread:
    """A context manager. Leaving it stops the sender as SIGTERM does."""

    def __init__(self, store: Path, port: int = 0, **settings: Any) -> None:
        self._settings = SenderSettings(store=f"sqlite:///{store}", port=port, token=TOKEN, **settings)
        self._ready = threading.Event()
        self._line: dict[str, Any] = {}
        self._loop = uvloop.new_event_loop()
        self._stopped = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="sender")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(_DEADLINE_S), "the sender did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_soon()
        self._thread.join(_DEADLINE_S)
        assert not self._thread.is_alive(), "the sender did not stop"
        self._loop.close()

    def stop_soon(self) -> None:
        """Begin to stop. Leaving the context waits for the end."""
        self._loop.call_soon_threadsafe(self._stopped.set)

    @property
    def url(self) -> str:
        return str(self._line["url"])

    @property
    def ready(self) -> dict[str, Any]:
        """The ready line."""
        return self._line

    def call(self, method: str, path: str, value: object = None) -> dict[str, Any]:
        """The decoded answer; raises ``urllib.error.HTTPError`` for an error."""
        body = None if value is None else json.dumps(value).encode()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=_DEADLINE_S) as answer:
            found = json.load(answer)
        assert isinstance(found, dict)
        return found

    def campaign(
        self, name: str, count: int, first: int = 48500100000, step: int = 1, **fields: Any
    ) -> dict[str, Any]:
        """Send a campaign of ``count`` messages; each number is ``step`` above the one before it."""
        shared = {"campaign": name, "message_class": "marketing", "text": "Sale"} | fields
        recipients = [{"to": str(first + n * step)} for n in range(count)]
        return self.call("POST", "/v1/campaigns", shared | {"recipients": recipients})

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        with (
            closing(open_store(self._settings.store)) as store,
            closing(bind(self._settings.host, self._settings.port)) as listener,
        ):
            self._loop.run_until_complete(
                serve(self._settings, store, listener, self._is_ready, self._stopped)
            )

    def _is_ready(self, line: str) -> None:
        self._line = json.loads(line)
        self._ready.set()
