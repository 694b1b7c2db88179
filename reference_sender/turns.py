"""Long work in short pieces: of all that take turns here, one goes on in each turn of the event loop."""

from __future__ import annotations

import asyncio


class Turns:
    """Shared by all long work of a process. However many campaigns come at once, what else the loop has to do
    waits for one piece of one of them."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def pause(self) -> None:
        """Let the event loop do everything else that is due. Call it after each piece of work."""
        async with self._lock:
            await asyncio.sleep(0)
