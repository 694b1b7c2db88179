"""Start in Locust's web UI waits for the end of the previous test.

Locust accepts a start while it still stops a test. Its master then starts without the workers that still
stop, or treats them as lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent
from flask import Response, jsonify, request

_POLL_S = 0.05
# A stop takes longer than its timeout: Locust's master checks once a second whether its workers have stopped.
STOP_EXTRA_S = 3.0


class StartGuard:
    """Whether a test may start. For a local runner or a master; without a web UI it changes nothing."""

    def __init__(self) -> None:
        self._stopping = False

    def stop_begins(self) -> None:
        self._stopping = True

    def stop_ends(self) -> None:
        self._stopping = False

    def refused_because(self, environment: Any) -> str:
        """The condition for which a start must wait; "": none."""
        if self._stopping:
            return "the previous test is still stopping"
        ready, expected = environment.runner.worker_count, environment.parsed_options.expect_workers
        if ready < expected:
            return f"{ready} of {expected} workers are ready"
        return ""


def guard_starts(web_ui: Any, refused_because: Callable[[], str], limit_s: float) -> None:
    """Delay a start until ``refused_because`` returns "". Refuse it with the reason after ``limit_s``."""

    def wait_or_refuse() -> Response | None:
        if request.method != "POST" or not request.path.endswith("/swarm"):
            return None
        deadline_s = time.monotonic() + limit_s
        while reason := refused_because():
            if time.monotonic() >= deadline_s:
                return jsonify(
                    success=False,
                    message=f"Not started: {reason}. Press Start again later, or end the run with Ctrl-C.",
                    host=web_ui.environment.host,
                )
            gevent.sleep(_POLL_S)
        return None

    web_ui.app.before_request(wait_or_refuse)
