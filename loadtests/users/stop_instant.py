"""The instant at which a test was asked to stop.

Locust's ``stop`` works before it fires ``test_stopping``: it reads the caller's source, which takes up to
80 ms the first time in a process. No arrival is sent meanwhile.
"""

from __future__ import annotations

import time
from typing import Any


class StopInstant:
    """``asked_ns`` is the instant of the first request to stop the present test; None before it."""

    def __init__(self) -> None:
        self.asked_ns: int | None = None

    def watch(self, runner: Any) -> None:
        """Note the instant of each call of ``runner.stop``, before Locust's own work."""
        stop = runner.stop

        def noted(*given: Any, **named: Any) -> None:
            if self.asked_ns is None:
                self.asked_ns = time.monotonic_ns()
            stop(*given, **named)

        runner.stop = noted

    def forget(self) -> None:
        """A test begins."""
        self.asked_ns = None
