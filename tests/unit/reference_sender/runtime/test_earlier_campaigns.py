"""After a restart the counts of an open campaign include what ended before, and what it cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

import pytest
from messages import made_message
from msgspec.structs import replace

from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.campaign_figures import CampaignCounts
from reference_sender.dispatch.values import (
    Change,
    Lane,
    Message,
    Recovered,
    RouteLimits,
    State,
    SubmitAttempt,
    key_of_second,
)
from reference_sender.node.node import Node
from reference_sender.node.times import NodeTimes
from reference_sender.policy.countries import Prefixes
from reference_sender.policy.spending import SegmentPrices, Spending
from reference_sender.runtime.driver import Driver
from reference_sender.runtime.earlier_campaigns import EarlierCampaigns
from reference_sender.store import Place, SqliteStore, Work

Answer = TypeVar("Answer")
PRICES = Spending(SegmentPrices(7, {}, Prefixes({})), None, ZoneInfo("UTC"))


def message(number: int, campaign: str, segments: int = 2) -> Message:
    return made_message(
        number, sender_id="", campaign=campaign, segments=segments, created_ns=1, expires_ns=10**6
    )


def ended(number: int, state: State, provider_id: str | None, route: str | None) -> Change:
    return Change(number, f"k-{number}", state, "", provider_id, 1, 5, route)


class Continued:
    """A driver that notes what it is given, and the counts of campaigns."""

    def __init__(self, spending: Spending | None) -> None:
        self.gate = SimpleNamespace(spending=spending)
        self.campaigns = SimpleNamespace(route_prices={"a": 10, "b": 100}, earlier=self._earlier)
        self.steps: list[Any] = []

    def recover(self, page: list[Recovered], left: int, sent: int) -> None:
        self.steps.append([each.message.message_id for each in page])

    def _earlier(self, counts: CampaignCounts) -> None:
        self.steps.append(counts)


async def pages(store: SqliteStore, spending: Spending | None) -> list[Any]:
    async def ask(question: Callable[[], Answer]) -> Answer:
        return question()

    driver = Continued(spending)
    earlier = EarlierCampaigns(ask, store, cast(Driver, driver), last_id=9)
    place = None
    for _ in range(4):
        page = await earlier.read(1, place)
        earlier.recover(page, 0, 0)
        if page:
            place = Place(Lane.MARKETING, page[-1].message.message_id, 9)
    return driver.steps


@pytest.mark.parametrize(("spending", "cost"), [(None, 2 * 10 + 2 * 100), (PRICES, 4 * 7)])
def test_ends_are_read_once_with_the_first_page_of_a_campaign(
    tmp_path: Path, spending: Spending | None, cost: int
) -> None:
    store = SqliteStore(tmp_path / "messages.db")
    try:
        store.commit(
            Work(
                [*(message(n, "may") for n in range(1, 6)), message(6, "over"), message(7, "")],
                [
                    ended(1, State.DELIVERED, "p1", "a"),
                    ended(2, State.FAILED, "p2", "b"),
                    ended(3, State.EXPIRED, None, None),
                    ended(6, State.DELIVERED, "p6", "a"),
                ],
            )
        )
        # Taken by this process, so its counts have it already.
        store.commit(Work([message(10, "may")], [ended(10, State.DELIVERED, "p10", "a")]))
        may = CampaignCounts("may", delivered=1, failed=1, expired=1, sent_segments=4, cost=cost)
        assert asyncio.run(pages(store, spending)) == [[4], may, [5], [7], []]
    finally:
        store.close()


class Running:
    """A driver of a node, without a clock."""

    def __init__(self) -> None:
        routes = tuple(RouteLimits(name, 1e6, 1e6, 1e6, 1e6, 1, 9, 600.0) for name in ("a", "b"))
        core = Dispatcher(DispatchSettings(hedge_otp_after_s=15), routes, 1)
        self._node = Node(core, NodeTimes(linger_ns=0, early_report_ns=1))
        self.gate, self.campaigns = self._node.gate, core.campaigns

    def recover(self, page: list[Recovered], left: int, sent: int) -> None:
        self._node.recover(10, page, left, sent)

    def recover_sent(self, page: list[Recovered], left: int) -> None:
        self._node.recover_sent(10, page, left)


@pytest.mark.parametrize("attempts", [[SubmitAttempt(1, "b", 5, (5,))], []], ids=["in flight", "untried"])
def test_a_second_message_that_is_read_first_leaves_the_ends_to_its_campaign(
    tmp_path: Path, attempts: list[SubmitAttempt]
) -> None:
    otps = [replace(message(number, "login"), lane=Lane.OTP) for number in range(1, 6)]
    otps[4] = replace(otps[4], key=key_of_second(otps[3].key))
    changes = [ended(number, State.DELIVERED, f"p{number}", "a") for number in (1, 2, 3)]
    driver = Running()

    async def ask(question: Callable[[], Answer]) -> Answer:
        return question()

    async def restart(store: SqliteStore) -> None:
        earlier = EarlierCampaigns(ask, store, cast(Driver, driver), last_id=9)
        sent = await earlier.sent_ids()
        page = await earlier.read(9, None)
        assert ([each.message.message_id for each in page], list(sent)) == ([5], [4])
        earlier.recover(page, 0, len(sent))
        earlier.recover_sent(await earlier.read_sent(sent), 0)

    store = SqliteStore(tmp_path / "messages.db")
    try:
        store.commit(Work(otps, [*changes, ended(4, State.SENT, "p4", "a")], attempts))
        asyncio.run(restart(store))
    finally:
        store.close()
    assert driver.campaigns.newest(9) == [CampaignCounts("login", sent=1, delivered=3, sent_segments=8)]
