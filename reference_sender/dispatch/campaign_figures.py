"""How far each campaign is, and what it costs: counters in memory, a few additions for each message.

Costs are in millionths of the currency of the prices. A message costs what its route's ``cost_per_segment``
says, or what another price list says (``price_by``). It counts when a provider accepts the message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from reference_sender.dispatch.awaiting import Sent
from reference_sender.dispatch.ticket import Ticket
from reference_sender.dispatch.values import Lane, Message, Recovered, RouteLimits, State, is_hedge

UNIT = 1_000_000  # of the amounts in one unit of the currency
MOST_CAMPAIGNS = 1_000

# Names of their own: see ``values.py``.
_SENT, _DELIVERED, _FAILED, _EXPIRED = State.SENT, State.DELIVERED, State.FAILED, State.EXPIRED
_OTP = Lane.OTP


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


_campaign_of, _segments_of = attrgetter("campaign"), attrgetter("segments")

_FIELDS = CampaignCounts.__struct_fields__[1:]


def counted_under(message: Message) -> str:
    """The campaign that counts ``message``; none counts the second message of an OTP."""
    return "" if message.lane is _OTP and is_hedge(message.key) else message.campaign


class CountedCampaigns:
    """The counts of at most 1,000 campaigns. Messages of further campaigns, and those without a campaign, are
    counted together: they are the rest. To make room, the oldest campaigns that have ended are moved to the
    rest. If all 1,000 are open, a new campaign is counted in the rest until its messages there have ended.

    The second message of an OTP is counted in the rest, and its cost in its campaign.
    """

    def __init__(self, routes: Iterable[RouteLimits]) -> None:
        self._campaigns: dict[str, CampaignCounts] = {}
        self._rest = CampaignCounts("")
        self._open_in_rest: dict[str, int] = {}  # messages by campaign
        # Whether a message may be the second one of an OTP. Most senders have none.
        self.may_have_seconds = False
        self._name_of: Callable[[Message], str] = _campaign_of  # the campaign that counts a message
        self._before = CampaignCounts("")  # the part of all counts that is from earlier processes
        self._continued: set[str] = set()  # campaigns whose ended messages it includes
        self.route_prices = {limits.name: round(limits.cost_per_segment * UNIT) for limits in routes}
        self._cost: Callable[[Message], int] | None = None
        # Of one segment. None: no prices are set.
        self.lowest_price: int | None = min(filter(None, self.route_prices.values()), default=None)

    def price_by(self, cost: Callable[[Message], int], lowest_price: int) -> None:
        """Use this price list instead of the prices of the routes."""
        self._cost, self.lowest_price = cost, lowest_price

    def expect_seconds(self) -> None:
        """From now on a message may be the second one of an OTP."""
        self.may_have_seconds = True
        self._name_of = counted_under

    @property
    def total(self) -> CampaignCounts:
        """All messages that this process had, and what it spent."""
        total = CampaignCounts("")
        for counts in (self._rest, *self._campaigns.values()):
            _add_all(total, counts, 1)
        _add_all(total, self._before, -1)
        return total

    def accepted(self, messages: Iterable[Message]) -> None:
        """These messages are stored, and no provider has them."""
        campaigns = self._campaigns
        for name, of_campaign in groupby(messages, self._name_of):
            segments = list(map(_segments_of, of_campaign))
            counts = campaigns.get(name) or self._begun(name, len(segments))
            counts.waiting += len(segments)
            counts.waiting_segments += sum(segments)

    def left(self, messages: Iterable[Message]) -> None:
        """Another sender has these messages, which wait."""
        for message in messages:
            name = self._name_of(message)
            counts = self._campaigns.get(name) or self._in_rest(name, 1)
            counts.waiting -= 1
            counts.waiting_segments -= message.segments
            if not counts.messages:
                self._campaigns.pop(name, None)

    def recovered(self, recovered: Iterable[Recovered]) -> None:
        """Open messages of an earlier process, or of another node."""
        before, campaigns = self._before, self._campaigns
        for each in recovered:
            message = each.message
            if message.lane is _OTP and is_hedge(message.key):
                self.expect_seconds()
            if each.state is not _SENT:
                self.accepted([message])
                continue
            name = self._name_of(message)
            counts = campaigns.get(name) or self._begun(name, 1)
            counts.sent += 1
            price, cost_of = self.route_prices.get(each.route or "", 0), self._cost
            cost = message.segments * price if cost_of is None else cost_of(message)
            for spent in (campaigns.get(message.campaign) or self._rest, before):
                spent.cost += cost
                spent.sent_segments += message.segments

    def earlier(self, ended: CampaignCounts) -> None:
        """Count messages of an open campaign that ended in an earlier process."""
        counts = self._campaigns.get(ended.name)
        if counts is not None:
            _add_all(counts, ended, 1)
            _add_all(self._before, ended, 1)
            self._continued.add(ended.name)

    def accepted_by_provider(self, tickets: Iterable[Ticket], route: str | None) -> None:
        """The provider of ``route`` has the messages of ``tickets``."""
        price, cost_of = self.route_prices.get(route or "", 0), self._cost
        may_be_second = self.may_have_seconds
        name = campaign = ""
        count = segments = cost = 0  # of the messages so far of ``campaign`` that are counted under ``name``
        for ticket in tickets:
            message = ticket.message
            own = message.campaign
            counted = counted_under(message) if may_be_second else own
            if own != campaign or counted != name:
                if count:
                    self._take(name, campaign, count, segments, cost)
                name, campaign = counted, own
                count = segments = cost = 0
            count += 1
            of_message = message.segments
            segments += of_message
            cost += of_message * price if cost_of is None else cost_of(message)
        self._take(name, campaign, count, segments, cost)

    def accepted_one(self, message: Message, route: str | None) -> None:
        """``accepted_by_provider`` for a message that is not the second one of an OTP."""
        segments, cost_of = message.segments, self._cost
        counts = self._campaigns.get(message.campaign) or self._rest
        counts.sent += 1
        counts.waiting -= 1
        counts.waiting_segments -= segments
        counts.sent_segments += segments
        if cost_of is not None:
            counts.cost += cost_of(message)
        else:
            counts.cost += segments * self.route_prices.get(route or "", 0)

    def _take(self, name: str, campaign: str, count: int, segments: int, cost: int) -> None:
        """``accepted_by_provider`` for messages of one campaign."""
        counts = self._campaigns.get(name) or self._rest
        counts.sent += count
        counts.waiting -= count
        counts.waiting_segments -= segments
        if name != campaign:  # second messages
            counts = self._campaigns.get(campaign) or self._rest
        counts.sent_segments += segments
        counts.cost += cost

    def ended_unsent(self, message: Message, state: State) -> None:
        """``message``, which no provider accepted as far as is known, ended as FAILED or EXPIRED."""
        name = self._name_of(message)
        counts = self._campaigns.get(name) or self._in_rest(name, 1)
        counts.waiting -= 1
        counts.waiting_segments -= message.segments
        _add(counts, state, 1)

    def ended(self, messages: Iterable[Sent], state: State) -> None:
        """These messages are in the final ``state``. ``Sent.state`` is that before, SENT or a final one.
        ``Sent.campaign`` is the one that counts it.
        """
        name, count = "", 0  # of the messages so far of this campaign that were SENT
        for sent in messages:
            if sent.campaign != name:
                if count:
                    self._end(name, count, state)
                name, count = sent.campaign, 0
            if sent.state is _SENT:
                count += 1
                continue
            # Messages counted before the campaign was moved to the rest are counted in the rest.
            counts = self._campaigns.get(name) or self._rest
            had = counts if _count(counts, sent.state) else self._rest
            _add(had, sent.state, -1)
            _add(had, state, 1)
        if count:
            self._end(name, count, state)

    def _end(self, name: str, count: int, state: State) -> None:
        """``ended`` for messages of one campaign that were SENT."""
        counts = self._campaigns.get(name) or self._in_rest(name, count)
        counts.sent -= count
        _add(counts, state, count)

    def ended_elsewhere(self, campaign: str, state: State) -> None:
        """A message that ended in another process counts here from now on: it has a late report. ``campaign``
        is the one that counts it.
        """
        if campaign in self._continued:  # ``earlier`` counted it
            _add(self._before, state, -1)
        else:
            _add(self._campaigns.get(campaign) or self._rest, state, 1)

    def newest(self, limit: int) -> Sequence[CampaignCounts]:
        """Copies of at most ``limit`` campaigns: first the open ones, and the newest first."""
        newest = list(reversed(self._campaigns.values()))
        open_ones = [each for each in newest if each.is_open]
        chosen = open_ones[:limit]
        if len(chosen) < limit:
            chosen += [each for each in newest if not each.is_open][: limit - len(chosen)]
        return [replace(each) for each in chosen]

    def knows(self, name: str) -> bool:
        """Whether this process has had messages of this campaign. It may have forgotten one that ended."""
        return name in self._campaigns or name in self._open_in_rest

    def __len__(self) -> int:
        return len(self._campaigns)

    def _begun(self, name: str, count: int) -> CampaignCounts:
        """The counts to which ``count`` new messages of a campaign without counts belong."""
        campaigns = self._campaigns
        if not name:
            return self._rest
        if name in self._open_in_rest:
            self._open_in_rest[name] += count
            return self._rest
        if len(campaigns) >= MOST_CAMPAIGNS:
            # Many at a time, since each search reads all campaigns.
            over = [each for each in campaigns.values() if not each.is_open][: MOST_CAMPAIGNS // 8]
            for each in over:
                _add_all(self._rest, campaigns.pop(each.name), 1)
            if not over:
                self._open_in_rest[name] = count
                return self._rest
        counts = campaigns[name] = CampaignCounts(name)
        return counts

    def _in_rest(self, name: str, ended: int) -> CampaignCounts:
        """The rest, after ``ended`` of its open messages of the campaign ``name`` have ended."""
        count = self._open_in_rest.get(name)
        if count is not None:
            if count > ended:
                self._open_in_rest[name] = count - ended
            else:
                del self._open_in_rest[name]
        return self._rest


def _count(counts: CampaignCounts, state: State) -> int:
    """``state`` is final."""
    if state is _EXPIRED:
        return counts.expired
    return counts.delivered if state is _DELIVERED else counts.failed


def _add(counts: CampaignCounts, state: State, count: int) -> None:
    """``state`` is final."""
    if state is _DELIVERED:
        counts.delivered += count
    elif state is _FAILED:
        counts.failed += count
    else:
        counts.expired += count


def _add_all(to: CampaignCounts, counts: CampaignCounts, factor: int) -> None:
    for field in _FIELDS:
        setattr(to, field, getattr(to, field) + factor * getattr(counts, field))
