"""After a restart the counts of an open campaign include what ended before, and what it cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

import pytest

from reference_sender.dispatch.campaign_figures import CampaignCounts
from reference_sender.dispatch.values import Change, Lane, Message, Recovered, State
from reference_sender.policy.countries import Prefixes
from reference_sender.policy.spending import SegmentPrices, Spending
from reference_sender.runtime.driver import Driver
from reference_sender.runtime.earlier_campaigns import EarlierCampaigns
from reference_sender.store import Place, SqliteStore, Work

Answer = TypeVar("Answer")
PRICES = Spending(SegmentPrices(7, {}, Prefixes({})), None, ZoneInfo("UTC"))


def message(number: int, campaign: str, segments: int = 2) -> Message:
    return Message(
        number, f"k-{number}", "48500100200", "x", Lane.MARKETING, "", campaign, segments, 1, 10**6
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
