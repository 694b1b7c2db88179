"""A process as one of several nodes of a store: it renews its lease, claims work, and reads what the others
hand over or change: reports, campaigns, opt-outs and costs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from reference_sender.clock import now_ns
from reference_sender.dispatch.values import NS_PER_S
from reference_sender.node.node_share import NodeShare
from reference_sender.policy.recipients import NumberCount, RecipientLimits
from reference_sender.runtime.driver import Driver
from reference_sender.runtime.failure_log import FailureLog
from reference_sender.runtime.missing_prices import warn_of_missing_prices
from reference_sender.store import LeaseLost, Leases, Renewal, Store, StoreError

log = logging.getLogger(__name__)

_POLL_S = 0.2
_LEARN_EVERY_S = 0.2
# How often rule changes are read again from long before the mark. A commit may take longer than the store
# expects, such as on a disk that hung, and the mark has passed its changes then.
LEARN_AGAIN_EVERY_S = 20.0
_LEARN_AGAIN_S = 600.0
_RENEWALS_PER_LEASE = 5
_LONGEST_RENEWAL_S = 1.0
_REPORTS_AT_ONCE = 500
_LOST = "it was not renewed in time, and another node took the work over"


class NodeMembership:
    """This process as a node of its store. The task ends only with ``stop``, or when the lease is lost: then
    the sender must end too.
    """

    def __init__(
        self, store: Store, leases: Leases, driver: Driver, node_share: NodeShare, limits: RecipientLimits
    ) -> None:
        """Joins with ``node_share``. ``limits`` must be shared ones."""
        driver.join(node_share)
        self._node_share = node_share
        self._limits = limits
        self._to_share: list[NumberCount] = []
        self._store = store
        self._leases = leases
        self._driver = driver
        self._loop = asyncio.get_running_loop()
        self._renew_every_s = min(_LONGEST_RENEWAL_S, leases.lease_s / _RENEWALS_PER_LEASE)
        self._renew_at_s = 0.0
        self._learn_at_s = 0.0
        self._learn_again_at_s = self._loop.time() + LEARN_AGAIN_EVERY_S
        self._mark = 0.0  # of the rule changes read so far
        self._share = 0  # in use
        self._on_standby = False
        self.differing: tuple[str, ...] = ()  # routes for which another node has other limits
        self.leads = False  # whether this node does what one must do for all
        self._handed_over: asyncio.Future[None] | None = None  # done when the reports read last are stored
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Renew and learn once, then continue in the background. Raises ``StoreError``."""
        await self._renew()
        await self._learn()
        self._task = self._loop.create_task(self._run(self._turn))

    async def leave(self) -> None:
        """Claim and read nothing more, and give back what is not sent any more. The lease is renewed until
        ``stop``: commits need it.
        """
        if self._task is None or self._task.done():
            return
        await self.stop()
        self._task = self._loop.create_task(self._run(self._leaving_turn))

    async def stop(self) -> None:
        """Renew no more. What is owned stays so until the store is closed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self, turn: Callable[[], Awaitable[None]]) -> None:
        failures = FailureLog(log, "the lease, work or reports cannot be read: %s", "the shared store")
        try:
            while True:
                try:
                    await turn()
                    failures.worked(self._loop.time())
                except LeaseLost:
                    raise
                except StoreError as error:
                    failures.failed(self._loop.time(), error)
                await asyncio.sleep(_POLL_S)
        except LeaseLost as error:
            self._driver.background.record_failure("lease", error, _LOST)
        except Exception as error:
            self._driver.background.record_failure("lease", error)

    async def _leaving_turn(self) -> None:
        await self._renew_if_due()
        self._driver.give_back()

    async def _turn(self) -> None:
        await self._keep_up()
        self._driver.give_back()
        while (wanted := self._driver.wants()) is not None:
            recovered = await asyncio.to_thread(self._store.unfinished, wanted.limit, lane=wanted.lane)
            warn_of_missing_prices(self._driver.gate, recovered)
            self._driver.recover(recovered)
            if not wanted.limit or len(recovered) < wanted.limit:
                break
            await self._keep_up()
        # Reports are read again only when the earlier ones are stored. That must not delay renewals: a commit
        # needs a lease in force.
        while self._handed_over is None or self._handed_over.done():
            reports = await asyncio.to_thread(self._leases.reports, _REPORTS_AT_ONCE)
            if not reports:
                break
            self._driver.handed_over(reports)
            self._handed_over = self._driver.all_stored()
            await asyncio.wait([self._handed_over], timeout=_POLL_S)
            await self._keep_up()

    async def _keep_up(self) -> None:
        await self._renew_if_due()
        if self._loop.time() >= self._learn_at_s:
            await self._learn()

    async def _learn(self) -> None:
        self._learn_at_s = self._loop.time() + _LEARN_EVERY_S
        self._to_share += self._limits.to_share(now_ns(), max(1, self._node_share.nodes))
        if self._to_share:
            by_ns = -now_ns()  # nodes share ages: their clocks may differ, and be set
            await asyncio.to_thread(self._leases.share, [each.moved(by_ns) for each in self._to_share])
            self._to_share = []
        self._driver.learning()
        since = self._mark
        if self._loop.time() >= self._learn_again_at_s:
            since = max(0.0, since - _LEARN_AGAIN_S)
            self._learn_again_at_s = self._loop.time() + LEARN_AGAIN_EVERY_S
        changes = await asyncio.to_thread(self._leases.rule_changes, since)
        self._driver.learned(changes)
        by_ns = now_ns()
        self._limits.learn([each.moved(by_ns) for each in changes.counted])
        self._mark = changes.mark

    async def _renew_if_due(self) -> None:
        if self._loop.time() >= self._renew_at_s:
            await self._renew()

    async def _renew(self) -> None:
        self._renew_at_s = self._loop.time() + self._renew_every_s
        began_ns = now_ns()
        renewal = await asyncio.to_thread(self._leases.renew, self._share)
        # In this order: the store keeps a larger share before it is used, and the next renewal reports a
        # smaller one after it is used.
        self._driver.renewed(began_ns + int(self._leases.lease_s * NS_PER_S), renewal)
        self._share = renewal.share
        self.leads = renewal.leads
        self._note_standby(renewal)
        if renewal.differing != self.differing:
            if renewal.differing:
                log.warning("another node has other --route limits of %s", ", ".join(renewal.differing))
            self.differing = renewal.differing

    def _note_standby(self, renewal: Renewal) -> None:
        on_standby, self._on_standby = self._on_standby, renewal.standby is not None
        if self._on_standby and not on_standby:
            log.warning(
                "this node is on standby and sends nothing: the limits of --route are enough for %d of %d"
                " nodes. A node needs a request of requests_burst, one of max_in_flight, and of"
                " segments_burst as many as the longest message has. It sends when an earlier node leaves",
                renewal.standby,
                renewal.nodes,
            )
        elif on_standby and not self._on_standby:
            log.warning("this node is no longer on standby: it gets a share of the limits of --route")
