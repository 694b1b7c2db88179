"""Long work in short pieces: one piece of one task runs in each turn of the event loop."""

from __future__ import annotations

import asyncio


class Turns:
    """Shared by all long tasks of a process. Other work of the loop waits for at most one piece, whatever the
    number of campaigns.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def pause(self) -> None:
        """Let the event loop do other pending work. Call it after each piece of work."""
        async with self._lock:
            await asyncio.sleep(0)
