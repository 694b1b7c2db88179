"""The runner's queries to the services over HTTP: health, state, export."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from analysis.records import SENDER_SCHEMA, RecordedFault, RowWriter

PROVIDER_STATE = "/admin/state"
SENDER_STATE = "/v1/state"
SENDER_EXPORT = "/v1/messages/export"
SENDER_HEALTH = "/healthz"

_NO_ANSWER = (OSError, HTTPException)  # HTTPException: the answer is not HTTP, or is incomplete

# No proxy of the environment: these services are on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServiceState(Struct, frozen=True):
    """``open``: accepted messages that are not yet final or, at the provider, not yet reported."""

    open: int = 0
    accepted: int = 0
    gauges: dict[str, float] = {}
    counters: dict[str, float] = {}
    faults: tuple[RecordedFault, ...] = ()  # the provider's fault windows, scheduled ones included
    failed: tuple[str, ...] = ()  # parts of the service that have failed, as text


class ExportedMessage(Struct, frozen=True):
    key: str
    state: str
    message_class: str = ""
    reason: str | None = ""
    attempts: int = 0


class StateQuery(Struct, frozen=True):
    """The state endpoint of a service."""

    url: str
    token: str

    def ask(self, timeout_s: float = 0.8) -> ServiceState | None:
        """None if it does not answer in time: a busy service must not delay the runner."""
        try:
            with _open(self.url, self.token, timeout_s) as reply:
                return msgspec.json.decode(reply.read(), type=ServiceState)
        except (*_NO_ANSWER, msgspec.DecodeError):
            return None


def healthy(url: str) -> bool:
    try:
        with _open(url, "", 1.0) as reply:
            return bool(200 <= reply.status < 300)
    except _NO_ANSWER:
        return False


def why_no_answer(url: str, within_s: float) -> str:
    """ "" if a service answers HTTP at ``url`` within the time, with any status; else the last error."""
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            _open(url, "", 1.0).close()
            return ""
        except urllib.error.HTTPError:
            return ""
        except _NO_ANSWER as error:
            if time.monotonic() > deadline_s:
                return _reason(error)
            time.sleep(0.1)


def _reason(error: Exception) -> str:
    """``Connection refused``, ``timed out``, ``BadStatusLine``."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    return (cause.strerror if isinstance(cause, OSError) else None) or type(cause).__name__


def wait_healthy(url: str, within_s: float) -> bool:
    deadline_s = time.monotonic() + within_s
    while not healthy(url):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.1)
    return True


def fetch_export(url: str, token: str, path: Path) -> int:
    """Write the sender's messages to ``path`` as they arrive, and return their number. Raises ``OSError``."""
    rows = RowWriter(path, SENDER_SCHEMA)
    count = 0
    try:
        for item in _exported(url, token):
            rows.append((item.key, item.message_class, item.state, item.reason or "", item.attempts))
            count += 1
    except HTTPException as error:  # the sender ended during the export
        raise ConnectionError(f"{type(error).__name__}: {error}") from error
    finally:
        rows.close()
    return count


def _exported(url: str, token: str) -> Iterator[ExportedMessage]:
    decoder = msgspec.json.Decoder(ExportedMessage)
    with _open(url, token, 60.0) as reply:
        for line in reply:
            if line.strip():
                yield decoder.decode(line)


def call_json(method: str, url: str, token: str, body: object, timeout_s: float) -> dict[str, Any]:
    """One call of an admin API. Raises ``OSError`` unless the answer is 2xx with a JSON object."""
    data = None if body is None else msgspec.json.encode(body)
    request = urllib.request.Request(url, data, {"Authorization": f"Bearer {token}"}, method=method)
    try:
        with _opener.open(request, timeout=timeout_s) as reply:
            found = msgspec.json.decode(reply.read(), type=dict[str, Any])
    except (HTTPException, msgspec.DecodeError) as error:
        raise ConnectionError(f"{method} {url}: {type(error).__name__}") from error
    return found


def _open(url: str, token: str, timeout_s: float) -> HTTPResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    reply: HTTPResponse = _opener.open(urllib.request.Request(url, headers=headers), timeout=timeout_s)
    return reply
