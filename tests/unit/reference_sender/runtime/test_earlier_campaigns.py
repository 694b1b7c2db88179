"""After a restart the counts of an open campaign include what ended before, and what it cost."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from reference_sender.dispatch.campaign_figures import CampaignCounts
from reference_sender.dispatch.values import Change, Lane, Message, State
from reference_sender.policy.countries import Prefixes
from reference_sender.policy.spending import SegmentPrices, Spending
from reference_sender.runtime.earlier_campaigns import earlier_campaigns
from reference_sender.store import SqliteStore, Work


def message(number: int, campaign: str, segments: int = 1) -> Message:
    return Message(
        number, f"k-{number}", "48500100200", "x", Lane.MARKETING, "", campaign, segments, 1, 10**6
    )


def ended(number: int, state: State, provider_id: str | None, route: str | None) -> Change:
    return Change(number, f"k-{number}", state, "", provider_id, 1, 5, route)


def test_ended_messages_of_open_campaigns(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "messages.db")
    try:
        store.commit(
            Work(
                [*(message(n, "may", 2) for n in range(1, 5)), message(5, "over"), message(6, "")],
                [
                    ended(1, State.DELIVERED, "p1", "a"),
                    ended(2, State.FAILED, "p2", "b"),
                    ended(3, State.EXPIRED, None, None),
                    ended(5, State.DELIVERED, "p5", "a"),
                ],
            )
        )
        prices = {"a": 10, "b": 100}
        (may,) = earlier_campaigns(store, store.unfinished(), prices, None)
        assert may == CampaignCounts("may", 0, 0, 1, 1, 1, 0, sent_segments=4, cost=220)
        # A price list knows 800 for the whole campaign, of whose 8 segments a provider accepted 4 that ended.
        listed = Spending(SegmentPrices(100, {}, Prefixes({})), None, ZoneInfo("UTC"), {"may": 800}, {})
        (may,) = earlier_campaigns(store, store.unfinished(), prices, listed)
        assert may.cost == 400
    finally:
        store.close()
