"""Server-sent events: once a second the overview, to each viewer that reads.

Nothing is kept for a viewer that does not read: it gets the newest overview when it reads again. The HTTP
connection's limits close it if it does not (``api/connections.py``).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from reference_sender.api.api_counters import ApiCounters
from reference_sender.clock import now_ns, wall_ahead_ns
from reference_sender.dashboard.board import CAMPAIGNS_SHOWN, Board, CampaignAtGate, SenderCounters
from reference_sender.policy.campaigns import Campaign
from reference_sender.policy.gate import Gate
from reference_sender.policy.holding import why_campaign_held
from reference_sender.runtime.driver import Driver

log = logging.getLogger(__name__)

EVERY_S = 1.0
MOST_VIEWERS = 16


class TooManyViewers(Exception):
    """``MOST_VIEWERS`` are there."""


class EventSink(Protocol):
    """What a viewer reads from."""

    async def write(self, data: bytes) -> None:
        """Waits while the viewer does not read. Raises ``ConnectionError`` when it has gone."""
        ...


class DashboardFeed:
    """Looks at the sender once a second, also without viewers, so that a new viewer sees the last minutes.
    Create it while the event loop runs.
    """

    def __init__(self, board: Board, read: Callable[[], SenderCounters], every_s: float = EVERY_S) -> None:
        self._board = board
        self._read = read
        self._every_s = every_s
        self._loop = asyncio.get_running_loop()
        self._news: set[asyncio.Event] = set()  # one for each viewer
        self._latest = b""
        self._stopped = False
        self._timer: asyncio.Handle = self._loop.call_soon(self._tick)

    @property
    def viewers(self) -> int:
        """Connections that follow."""
        return len(self._news)

    def stop(self) -> None:
        """End all streams."""
        self._stopped = True
        self._timer.cancel()
        for news in self._news:
            news.set()

    async def follow(self, open_stream: Callable[[], EventSink]) -> None:
        """Send events until ``stop`` or until the viewer has gone. Raises ``TooManyViewers`` first."""
        if self.viewers >= MOST_VIEWERS:
            raise TooManyViewers
        news = asyncio.Event()
        self._news.add(news)
        try:
            stream = open_stream()
            await stream.write(_event("history", self._board.history))
            if self._latest:
                await stream.write(self._latest)
            while not self._stopped:
                await news.wait()
                news.clear()
                if not self._stopped:
                    await stream.write(self._latest)
        except ConnectionError:
            pass
        finally:
            self._news.discard(news)

    def _tick(self) -> None:
        # A defect in the dashboard must not end the sender, as an error of a background task would.
        try:
            overview = self._board.observe(self._loop.time(), time.time(), self._read())
            self._latest = _event("overview", overview)
            for news in self._news:
                news.set()
        except Exception:
            log.exception("the dashboard has no new figures")
        self._timer = self._loop.call_later(self._every_s, self._tick)


def counters_of(driver: Driver, tally: ApiCounters) -> SenderCounters:
    """The counters of the sender now."""
    gate, node_share = driver.gate, driver.node_share
    campaigns = driver.campaigns.newest(CAMPAIGNS_SHOWN)
    return SenderCounters(
        state=driver.state(),
        accepted=tally.accepted,
        refused=tally.invalid
        + tally.refused_by_policy
        + tally.conflicts
        + tally.queue_full
        + tally.store_failed,
        nodes=None if node_share is None else node_share.nodes,
        controls={each.name: _control(gate, each.name) for each in campaigns},
        campaigns=campaigns,
        store=driver.commits.trouble().reason,
    )


def _control(gate: Gate, name: str) -> CampaignAtGate:
    holding = why_campaign_held(gate, now_ns(), name)
    campaign = gate.campaign(name) or Campaign(name)
    held = gate.held(name).total
    if holding is None:
        return CampaignAtGate(campaign, held)
    until_ns = holding.until_ns
    until_s = None if until_ns is None else (until_ns + wall_ahead_ns()) / 1e9
    return CampaignAtGate(campaign, held, holding.reason.value, until_s)


def _event(name: str, value: object) -> bytes:
    """One event as it is in the stream (WHATWG HTML §9.2.6); JSON has no line break."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(value))
