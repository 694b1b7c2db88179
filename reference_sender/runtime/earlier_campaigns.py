"""What open campaigns did in earlier processes: read from the store at the start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reference_sender.dispatch.campaign_figures import CampaignCounts
from reference_sender.dispatch.values import Recovered, State
from reference_sender.policy.spending import Spending
from reference_sender.store import EndedGroup, Store

_MOST = 100  # campaigns, the newest; of an older one only the open messages are counted


def earlier_campaigns(
    store: Store, recovered: Iterable[Recovered], route_prices: Mapping[str, int], spending: Spending | None
) -> list[CampaignCounts]:
    """The ended messages of each campaign of ``recovered``. Raises ``StoreError``.

    ``route_prices`` are in millionths for a segment. ``spending`` replaces them if there is a price list. It
    knows what is reserved for a whole campaign, and not for its ended messages: they get their share by
    segments.
    """
    open_segments: dict[str, int] = {}
    for each in recovered:
        name = each.message.campaign
        if name:
            open_segments[name] = open_segments.get(name, 0) + each.message.segments
    return [
        _counts(name, store.ended(name), open_segments[name], route_prices, spending)
        for name in list(open_segments)[-_MOST:]
    ]


def _counts(
    name: str,
    groups: Iterable[EndedGroup],
    open_segments: int,
    route_prices: Mapping[str, int],
    spending: Spending | None,
) -> CampaignCounts:
    counts = CampaignCounts(name)
    ended_segments = 0
    for group in groups:
        if group.state is State.DELIVERED:
            counts.delivered += group.messages
        elif group.state is State.FAILED:
            counts.failed += group.messages
        else:
            counts.expired += group.messages
        ended_segments += group.segments
        if group.accepted:
            counts.sent_segments += group.segments
            counts.cost += group.segments * route_prices.get(group.route or "", 0)
    if spending is not None and counts.sent_segments:
        reserved = spending.spent.get(name, 0)
        counts.cost = reserved * counts.sent_segments // (ended_segments + open_segments)
    return counts
