"""Looks at the dispatcher's state at intervals, and gives the notices to the log and to the channels."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from reference_sender.alerts.money import Money
from reference_sender.alerts.rules import AlertRules
from reference_sender.alerts.store import StoreTrouble
from reference_sender.alerts.watch import Alerts, Notice
from reference_sender.dispatch import DispatchState
from reference_sender.notices.channels import ChannelError, SendNotice
from reference_sender.runtime.background import BackgroundTasks

log = logging.getLogger(__name__)

_RETRY_S = (2.0, 10.0, 60.0)
_MOST_WAITING = 1_000  # notices of one channel


class AlertWatcher:
    """Runs until ``stop``. Create it while the event loop runs."""

    def __init__(
        self,
        rules: AlertRules,
        state: Callable[[], DispatchState],
        channels: Mapping[str, SendNotice],
        background: BackgroundTasks,
        retry_s: Sequence[float] = _RETRY_S,
        money: Callable[[], Money] = Money,
        store: Callable[[], StoreTrouble] = StoreTrouble,
    ) -> None:
        self.alerts = Alerts(rules)  # to be read
        self._every_s = rules.every_s
        self._state = state
        self._money = money
        self._store = store
        self._retry_s = retry_s
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, asyncio.Queue[Notice]] = {
            name: asyncio.Queue(_MOST_WAITING) for name in channels
        }
        self._senders = [
            self._loop.create_task(self._send(name, channel)) for name, channel in channels.items()
        ]
        self._guarded_look = background.guarded("alert watcher", self._look)
        self._timer: asyncio.Handle = self._loop.call_soon(self._guarded_look)

    def stop(self) -> None:
        """Stop the timer. Notices that no channel has taken yet are only in the log."""
        self._timer.cancel()
        for sender in self._senders:
            sender.cancel()

    def _look(self) -> None:
        seen = self._state(), self._money(), self._store()
        for notice in self.alerts.observe(self._loop.time(), *seen):
            log.log(logging.ERROR if notice.began else logging.INFO, "%s", notice.line)
            for name, waiting in self._waiting.items():
                try:
                    waiting.put_nowait(notice)
                except asyncio.QueueFull:
                    log.error("%s: too many notices wait: %s is not sent", name, notice.alert)
        self._timer = self._loop.call_later(self._every_s, self._guarded_look)

    async def _send(self, name: str, channel: SendNotice) -> None:
        """One notice after the other, so that an all-clear does not overtake its alert."""
        while True:
            notice = await self._waiting[name].get()
            for wait_s in (*self._retry_s, None):
                try:
                    await channel(notice)
                    break
                except ChannelError as error:
                    after = "it is not sent again" if wait_s is None else f"next attempt in {wait_s:g} s"
                    log.warning("%s: %s was not sent: %s; %s", name, notice.alert, error, after)
                except Exception:  # a defect must not end the channel
                    log.exception("%s: %s was not sent", name, notice.alert)
                    break
                if wait_s is not None:
                    await asyncio.sleep(wait_s)
