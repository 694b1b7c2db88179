"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

DEADLINE_S = 30.0
_LOOK_EVERY_S = 0.005


def eventually(condition: Callable[[], object], within_s: float = DEADLINE_S) -> None:
    """Wait until the condition is true; fail if it is not by the deadline."""
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, f"the condition was not true within {within_s:g} s"
        time.sleep(_LOOK_EVERY_S)


async def eventually_in_loop(condition: Callable[[], object], within_s: float = DEADLINE_S) -> None:
    """``eventually`` for a condition that another task of this event loop makes true."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(_LOOK_EVERY_S)
