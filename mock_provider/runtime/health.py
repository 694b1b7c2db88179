"""Permanent failures of a running provider: background work that ended, records that cannot be written.

They must be visible while the provider runs, and must not look like failures of the system under test.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

_MOST_FAILURES = 100  # different failures; each is kept and logged once


class Health:
    """Failures by component. ``records_lost`` is set by the first failure that loses records of messages."""

    def __init__(self, on_records_lost: Callable[[], None]) -> None:
        self._on_records_lost = on_records_lost
        self._failures: dict[str, str] = {}
        self.records_lost = asyncio.Event()

    @property
    def failures(self) -> list[str]:
        """One line for each failure."""
        return [f"{what}: {error}" for what, error in self._failures.items()]

    def fail(self, what: str, error: BaseException, loses_records: bool) -> None:
        """Record that ``what`` failed, and log it the first time.

        Any exception except ``OSError`` is a defect of this program, and its traceback is logged.
        """
        first = what not in self._failures
        if first and len(self._failures) < _MOST_FAILURES:
            self._failures[what] = _error_text(error)
            trace = None if isinstance(error, OSError) else error
            log.critical("%s failed: %s", what, _error_text(error), exc_info=trace)
        if loses_records and not self.records_lost.is_set():
            self.records_lost.set()
            log.critical("the provider cannot record messages; it refuses all submits from now on")
            self._on_records_lost()

    def watch(self, task: asyncio.Task[None], what: str, loses_records: bool) -> None:
        """Record a failure at once if this task, which should run until it is cancelled, ends with an
        exception.
        """

        def ended(done: asyncio.Task[None]) -> None:
            error = None if done.cancelled() else done.exception()
            if error is not None:
                self.fail(what, error, loses_records)

        task.add_done_callback(ended)

    def loop_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """For ``loop.set_exception_handler``: an exception in a callback or an unawaited task."""
        error = context.get("exception")
        # An error of a peer or the network, not of this program.
        if error is None or isinstance(error, OSError):
            loop.default_exception_handler(context)
            return
        self.fail(f"the event loop ({context.get('message', 'a callback')})", error, loses_records=False)


def _error_text(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, OSError) and text else f"{type(error).__name__}: {text}"
