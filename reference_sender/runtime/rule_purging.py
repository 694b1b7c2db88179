"""Removes the reports, controls and costs of old campaigns, in small steps between commits.

A campaign is old if the store has none of its messages, and if its controls were changed and its report was
made longer ago than messages are kept. The cost of a message is on a day on which it may be sent, and may be
returned until the message ends: days are kept for some days longer than messages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from reference_sender.clock import now_ns
from reference_sender.dispatch.values import NS_PER_S
from reference_sender.runtime.background import BackgroundTasks
from reference_sender.runtime.driver import Driver
from reference_sender.runtime.earlier_campaigns import AskStore
from reference_sender.runtime.failure_log import FailureLog
from reference_sender.runtime.purging import Purging, purged_before_ns
from reference_sender.store import Store, StoreError
from reference_sender.store.rule_purge import OldRules, RulePlace

log = logging.getLogger(__name__)

STEP = 250  # rows
_DAY_NS = 86_400 * NS_PER_S
_DAYS_LONGER = 8
_BETWEEN_STEPS_S = 0.01
_BETWEEN_PASSES_S = 600.0
_Row = TypeVar("_Row")


class RulePurging:
    """Runs until ``stop``. Create it while the event loop runs. Every node needs one, since each must forget
    the campaigns that it knows.
    """

    def __init__(
        self, store: Store, ask: AskStore, driver: Driver, keep_ns: int, background: BackgroundTasks
    ) -> None:
        self._store = store
        self._ask = ask
        self._driver = driver
        self._keep_ns = keep_ns
        self._task = background.begin("purge of campaigns", self._run())

    def stop(self) -> None:
        """Begin no further step."""
        self._task.cancel()

    async def _run(self) -> None:
        time_s = asyncio.get_running_loop().time
        failures = FailureLog(log, "old campaigns could not be removed: %s", "the removal of old campaigns")
        while True:
            try:
                old = old_rules(purged_before_ns(now_ns(), self._keep_ns, self._driver.gate.wall))
                await self.purge(old)
                failures.worked(time_s())
            except StoreError as error:
                failures.failed(time_s(), error)
            await asyncio.sleep(_BETWEEN_PASSES_S)

    async def purge(self, old: OldRules) -> None:
        """One pass: through the store, then through what this process knows. Raises ``StoreError``."""
        place: RulePlace | None = RulePlace()
        while place is not None:
            place = await self._driver.commits.purge(_step(old, place))
            await asyncio.sleep(_BETWEEN_STEPS_S)
        await self._forget_campaigns(old.day)
        await self._forget_days(old.day)

    async def _forget_campaigns(self, day: int) -> None:
        """This node, or another one, may have removed them from the store."""
        rules = self._driver.rules
        for names in _steps(list(self._driver.gate.campaigns)):
            asked = rules.stored_campaigns(names)
            if asked:
                controlled = await self._ask(partial(self._store.controlled, [each.name for each in asked]))
                self._driver.forget([each for each in asked if each.name not in controlled], day)
            await asyncio.sleep(_BETWEEN_STEPS_S)

    async def _forget_days(self, day: int) -> None:
        """As the store does, by the same rule."""
        gate, spending = self._driver.gate, self._driver.gate.spending
        if spending is None:
            return
        old = [place for place in spending.places() if place[1] < day]
        for places in _steps(old):
            known = [(gate.campaign(campaign), (campaign, each)) for campaign, each in places]
            spending.forget_days(
                [place for campaign, place in known if campaign is None or campaign.spending_limit is None]
            )
            await asyncio.sleep(_BETWEEN_STEPS_S)


def old_rules(before_ns: int) -> OldRules:
    """What is old if messages are that ended before ``before_ns``."""
    return OldRules(before_ns, before_ns // _DAY_NS - _DAYS_LONGER)


def begin_purging(
    keep_ns: int | None, store: Store, ask: AskStore, driver: Driver, background: BackgroundTasks
) -> Sequence[Purging | RulePurging]:
    """Both purges; none if everything is kept."""
    if keep_ns is None:
        return ()
    messages = Purging(driver.commits, keep_ns, driver.gate.wall, background)
    return messages, RulePurging(store, ask, driver, keep_ns, background)


def _steps(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    return (rows[start : start + STEP] for start in range(0, len(rows), STEP))


def _step(old: OldRules, place: RulePlace) -> Callable[[Store], RulePlace | None]:
    return lambda store: store.purge_rules(old, place, STEP)
