"""How far each campaign is, and what it costs: counters in memory, a few additions for each message.

Costs are in millionths of the currency of the prices. A message costs what its route's ``cost_per_segment``
says, or what another price list says (``price_by``). It counts when a provider accepts the message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reference_sender.dispatch.values import Message, Recovered, RouteLimits, State

UNIT = 1_000_000  # of the amounts in one unit of the currency
_MOST_CAMPAIGNS = 1_000

# An enum's member costs 0.2 us to look up (Python 3.11); these are looked up for every message.
_SENT, _DELIVERED, _FAILED = State.SENT, State.DELIVERED, State.FAILED


class CampaignCounts(Struct):
    """Each message of a campaign is in exactly one of the first five counts."""

    name: str
    waiting: int = 0  # no provider has them: queued, in flight or held
    sent: int = 0  # a provider has them, and their reports are awaited
    delivered: int = 0
    failed: int = 0
    expired: int = 0
    waiting_segments: int = 0
    sent_segments: int = 0  # that providers accepted so far
    cost: int = 0  # of these

    @property
    def messages(self) -> int:
        """All of them."""
        return self.waiting + self.sent + self.delivered + self.failed + self.expired

    @property
    def is_open(self) -> bool:
        """Whether a message has not ended."""
        return self.waiting > 0 or self.sent > 0


class CountedCampaigns:
    """The counts of each campaign, and of all messages together. Of more than 1,000 campaigns the first that
    ended are forgotten; while none has ended, further ones are not counted.
    """

    def __init__(self, routes: Iterable[RouteLimits]) -> None:
        self.total = CampaignCounts("")
        self._campaigns: dict[str, CampaignCounts] = {}
        self.route_prices = {limits.name: round(limits.cost_per_segment * UNIT) for limits in routes}
        self._cost: Callable[[Message], int] | None = None
        # Of a segment, before any cost is known; None: there are no prices.
        self.lowest_price: int | None = min(filter(None, self.route_prices.values()), default=None)

    def price_by(self, cost: Callable[[Message], int], lowest_price: int) -> None:
        """Use this price list instead of the prices of the routes."""
        self._cost, self.lowest_price = cost, lowest_price

    def accepted(self, messages: Iterable[Message]) -> None:
        """These messages are stored, and no provider has them."""
        number = segments = 0
        for message in messages:
            number += 1
            segments += message.segments
            if message.campaign:
                counts = self._campaigns.get(message.campaign) or self._begun(message.campaign)
                if counts is not None:
                    counts.waiting += 1
                    counts.waiting_segments += message.segments
        self.total.waiting += number
        self.total.waiting_segments += segments

    def recovered(self, recovered: Iterable[Recovered]) -> None:
        """Open messages of an earlier process, or of another node. The total has only costs
        of this process.
        """
        total = self.total
        spent = total.sent_segments, total.cost
        for each in recovered:
            self.accepted([each.message])
            if each.state is _SENT:
                self.taken(each.message, each.route)
        total.sent_segments, total.cost = spent

    def earlier(self, ended: CampaignCounts) -> None:
        """Count messages of an open campaign that ended in an earlier process, for the campaign alone."""
        counts = self._campaigns.get(ended.name)
        if counts is not None:
            counts.delivered += ended.delivered
            counts.failed += ended.failed
            counts.expired += ended.expired
            counts.sent_segments += ended.sent_segments
            counts.cost += ended.cost

    def taken(self, message: Message, route: str | None) -> None:
        """A provider has ``message``."""
        segments = message.segments
        if self._cost is not None:
            cost = self._cost(message)
        else:
            cost = segments * self.route_prices.get(route or "", 0)
        own = self._campaigns.get(message.campaign)
        for counts in (self.total,) if own is None else (self.total, own):
            counts.waiting -= 1
            counts.waiting_segments -= segments
            counts.sent += 1
            counts.sent_segments += segments
            counts.cost += cost

    def ended_unsent(self, message: Message, state: State) -> None:
        """``message``, which no provider accepted as far as is known, ended as FAILED or EXPIRED."""
        for counts in self._of(message.campaign):
            counts.waiting -= 1
            counts.waiting_segments -= message.segments
            _add(counts, state, 1)

    def ended(self, campaign: str, before: State, state: State) -> None:
        """A message that was in state ``before``, SENT or a final one, is in the final ``state``."""
        if before is _SENT and state is _DELIVERED:  # nearly every message: without the calls below
            total, own = self.total, self._campaigns.get(campaign)
            if total.sent:
                total.sent -= 1
                total.delivered += 1
            if own is not None and own.sent:
                own.sent -= 1
                own.delivered += 1
            return
        for counts in self._of(campaign):
            if _count(counts, before):  # otherwise it ended before the campaign was counted here
                _add(counts, before, -1)
                _add(counts, state, 1)

    def ended_elsewhere(self, state: State) -> None:
        """A message that ended in another process is counted here from now on: a late report came for it."""
        _add(self.total, state, 1)

    def newest(self, limit: int) -> Sequence[CampaignCounts]:
        """Copies of at most ``limit`` campaigns: first the open ones, and the newest first."""
        newest = list(reversed(self._campaigns.values()))
        open_ones = [each for each in newest if each.is_open]
        chosen = open_ones[:limit]
        if len(chosen) < limit:
            chosen += [each for each in newest if not each.is_open][: limit - len(chosen)]
        return [replace(each) for each in chosen]

    def __len__(self) -> int:
        return len(self._campaigns)

    def _of(self, campaign: str) -> tuple[CampaignCounts, ...]:
        counts = self._campaigns.get(campaign)
        return (self.total,) if counts is None else (self.total, counts)

    def _begun(self, name: str) -> CampaignCounts | None:
        campaigns = self._campaigns
        if len(campaigns) >= _MOST_CAMPAIGNS:
            # Many at a time, since each search takes time.
            over = [each.name for each in campaigns.values() if not each.is_open][: _MOST_CAMPAIGNS // 8]
            for each in over:
                del campaigns[each]
            if not over:
                return None
        counts = campaigns[name] = CampaignCounts(name)
        return counts


def _count(counts: CampaignCounts, state: State) -> int:
    if state is _SENT:
        return counts.sent
    return counts.failed if state is _FAILED else counts.expired


def _add(counts: CampaignCounts, state: State, count: int) -> None:
    if state is _DELIVERED:
        counts.delivered += count
    elif state is _FAILED:
        counts.failed += count
    elif state is _SENT:
        counts.sent += count
    else:
        counts.expired += count
