"""The sender's background work: if a part of it fails, the process reports that and exits.

A sender without its committer, dispatcher or timers would accept messages and never send them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

log = logging.getLogger(__name__)

_Given = ParamSpec("_Given")


class BackgroundTasks:
    """Records the first background task that failed, and sets ``failed``. For the event loop's thread."""

    def __init__(self) -> None:
        self.failed = asyncio.Event()
        self.reason = ""

    def record_failure(self, name: str, error: BaseException, why: str = "") -> None:
        """Record that ``name`` has ended with ``error``. ``why`` is a text for people.

        Without it ``reason`` has the type of the error and not its text, since the text may contain a key, a
        number or a token, and the health endpoint needs no token.
        """
        log.critical("the sender's %s failed", name, exc_info=error)
        if not self.failed.is_set():
            self.reason = f"the sender's {name} failed: {why or type(error).__name__}"
            self.failed.set()

    def begin(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` in the background, and record the error if it fails."""

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                self.record_failure(name, error)

        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(ended)
        return task

    def guarded(self, name: str, call: Callable[_Given, None]) -> Callable[_Given, None]:
        """Wrap a callback of the loop, which would only log what it raises."""

        def run(*args: _Given.args, **kwargs: _Given.kwargs) -> None:
            try:
                call(*args, **kwargs)
            except Exception as error:
                self.record_failure(name, error)

        return run
