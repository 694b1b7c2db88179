"""Asks the providers for the balances of the routes' accounts, at intervals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from reference_sender.runtime.background import BackgroundTasks

log = logging.getLogger(__name__)

_NO_BALANCE = "route %s: the provider gave no balance (not supported, no answer, or a wrong token)"

AskBalance = Callable[[], Awaitable[float | None]]


class Balances:
    """Runs until ``stop``. Create it while the event loop runs. ``known`` has the last balance of each route
    that gave one, in its provider's unit.
    """

    def __init__(self, routes: Mapping[str, AskBalance], every_s: float, background: BackgroundTasks) -> None:
        self.known: dict[str, float] = {}
        self._routes = routes
        self._every_s = every_s
        self._silent: set[str] = set()
        self._task = background.begin("balance queries", self._run())

    def stop(self) -> None:
        """Ask no more."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            for name, ask in self._routes.items():
                balance = await ask()
                if balance is not None:
                    self.known[name] = balance
                    self._silent.discard(name)
                elif name not in self._silent:
                    self._silent.add(name)
                    log.info(_NO_BALANCE, name)
            await asyncio.sleep(self._every_s)
