"""Passes each request to Locust's statistics, in short turns, so that no release waits for them.

The request event carries the response time from the *intended* start, so that Locust's tables, charts and CSV
show the wait of a caller. Service time, from the actual start, has a separate entry that does not count in
the totals: each message counts once.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import gevent

from loadtests.users.dispatcher import SendDone

_EVENTS_PER_TURN = 50
_PAUSE_S = 0.05
SERVICE = "service time (from actual start)"


def response_name(message_class: str) -> str:
    return f"{message_class}: response time (from intended start)"


class RequestError(Exception):
    """Why a request was not accepted; one of a few fixed texts."""

    def __repr__(self) -> str:
        return str(self)


class RequestFeed:
    """Collects ended requests and passes them to Locust later."""

    def __init__(self, environment: Any, method: str) -> None:
        self._environment = environment
        self._method = method
        self._waiting: deque[SendDone] = deque()
        self._errors: dict[str, RequestError] = {}

    def add(self, done: SendDone) -> None:
        self._waiting.append(done)

    def run(self) -> None:
        while True:
            self._turn()
            gevent.sleep(0 if self._waiting else _PAUSE_S)

    def drain(self) -> None:
        while self._waiting:
            self._turn()

    def _turn(self) -> None:
        for _ in range(min(_EVENTS_PER_TURN, len(self._waiting))):
            self._fire_request(self._waiting.popleft())

    def _fire_request(self, done: SendDone) -> None:
        job = done.job
        error = None
        if done.outcome != "accepted":
            error = self._errors.setdefault(done.reason, RequestError(f"{done.outcome}: {done.reason}"))
        self._environment.events.request.fire(
            request_type=self._method,
            name=response_name(job.message.message_class),
            response_time=(done.ended_ns - job.intended_ns) / 1e6,
            response_length=done.length,
            exception=error,
            context={"arrival": job.arrival, "key": job.message.key},
        )
        service_ms = (done.ended_ns - job.sent_ns) / 1e6
        self._environment.stats.get(SERVICE, self._method).log(service_ms, done.length)
