"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

DEADLINE_S = 30.0
_LOOK_EVERY_S = 0.005
_SELDOM_S = 0.025  # after a second: a look is often a request, which takes CPU time of what is waited for


def eventually(condition: Callable[[], object], within_s: float = DEADLINE_S) -> None:
    """Wait until the condition is true; fail if it is not by the deadline."""
    began_s = time.monotonic()
    while not condition():
        waited_s = time.monotonic() - began_s
        assert waited_s < within_s, f"the condition was not true within {within_s:g} s"
        time.sleep(_LOOK_EVERY_S if waited_s < 1.0 else _SELDOM_S)


async def eventually_in_loop(condition: Callable[[], object], within_s: float = DEADLINE_S) -> None:
    """``eventually`` for a condition that another task of this event loop makes true."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(_LOOK_EVERY_S)
