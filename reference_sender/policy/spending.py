"""What messages cost, and the limits on it. Amounts are integers: millionths of the currency.

The cost of a message is reserved when the message is accepted, on the day on which it may be sent. So a limit
holds whatever happens later, and the counters need no write when a message is sent. A cancelled message's
reservation is returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from reference_sender.dispatch.values import NS_PER_S, Message
from reference_sender.policy.countries import Prefixes
from reference_sender.policy.quiet_hours import FOREVER
from reference_sender.policy.wall_offset import WallOffset

_EPOCH = date(1970, 1, 1).toordinal()
_DAYS_KEPT = 400


class Spent(Struct, frozen=True, gc=False):
    """The cost of ``campaign`` ("": none) on ``day``: an amount to add, or to return if it is negative; in a
    store the total.
    """

    campaign: str
    day: int  # days since 1970-01-01 in the zone of the policy
    amount: int


class SegmentPrices:
    """The cost of a message: a price for each segment, by the country of its number."""

    def __init__(self, default: int, by_country: Mapping[str, int], prefixes: Prefixes) -> None:
        self._default = default
        self._by_country = by_country
        self._prefixes = prefixes

    @property
    def lowest(self) -> int:
        """The lowest price of a segment."""
        return min(self._default, *self._by_country.values()) if self._by_country else self._default

    def cost(self, message: Message) -> int:
        """The cost of ``message``."""
        code = self._prefixes.code(message.to)
        return message.segments * self._by_country.get(code, self._default)


class Spending:
    """Counters of reserved costs, and the limits on them.

    ``zone`` defines the days of ``daily_limit``; None: no such limit. ``spent`` continues the counters of an
    earlier process. ``wall`` defines which instants of the node's clock are in a day.
    """

    def __init__(
        self,
        prices: SegmentPrices,
        daily_limit: int | None,
        zone: ZoneInfo,
        spent: Iterable[Spent] = (),
        wall: WallOffset | None = None,
    ) -> None:
        self.prices = prices
        self.daily_limit = daily_limit
        self.spent: dict[str, int] = {}  # by campaign
        self._by_day: dict[int, int] = {}
        self._own: dict[tuple[str, int], int] = {}  # the part of this node, by campaign and day
        self._others: dict[tuple[str, int], int] = {}  # the same, of other nodes
        self._days: dict[str, set[int]] = {}  # of both, by campaign
        self._moved: dict[int, int] = {}  # messages by the day whose limit was reached
        self._zone = zone
        self._wall = wall or WallOffset()
        for each in spent:
            self.add(each)

    def day(self, now_ns: int) -> int:
        """Today, in days since 1970-01-01."""
        return day_of(now_ns + self._wall.ahead_ns, self._zone)

    def days(self) -> list[int]:
        """Days with costs."""
        return list(self._by_day)

    def on_day(self, day: int) -> int:
        """What is reserved for ``day``."""
        return self._by_day.get(day, 0)

    def moved_from(self, day: int) -> int:
        """Messages that this process moved to a later day because the limit of ``day`` was reached."""
        return self._moved.get(day, 0)

    def reserve(self, now_ns: int, message: Message, limit: int | None) -> tuple[int, Spent | None]:
        """From when on, in Unix time, ``message`` may be sent within the limits, and the reserved cost.

        If the daily limit of a day is reached, that is the next day. If the campaign's ``limit`` is reached,
        it is ``FOREVER`` and nothing is reserved.
        """
        cost = self.prices.cost(message)
        if limit is not None and self.spent.get(message.campaign, 0) + cost > limit:
            return FOREVER, None
        ahead_ns = self._wall.ahead_ns
        at_ns = max(now_ns + ahead_ns, message.not_before_ns)
        day = day_of(at_ns, self._zone)
        if self.daily_limit is not None:
            if self.on_day(day) + cost > self.daily_limit:
                self._moved[day] = self._moved.get(day, 0) + 1
                if len(self._moved) > _DAYS_KEPT:
                    del self._moved[min(self._moved)]
            if cost > self.daily_limit:
                return FOREVER, None
            while self.on_day(day) + cost > self.daily_limit:
                day += 1
                at_ns = day_start_ns(day, self._zone)
                if at_ns >= message.expires_ns + ahead_ns:
                    return FOREVER, None
        spent = Spent(message.campaign, day, cost)
        self.add(spent)
        return at_ns, spent

    def returned(self, message: Message) -> Spent:
        """Return what was reserved for ``message``, to no day more than is reserved on it."""
        name, cost, day = message.campaign, self.prices.cost(message), self._day_of(message)
        # The wall clock may have been set back before it was fitted into a limit.
        if self._reserved_on(name, day) < cost:
            enough = [each for each in self._days.get(name, ()) if self._reserved_on(name, each) >= cost]
            day = min(enough, key=lambda each: (abs(each - day), each), default=day)
        spent = Spent(name, day, -min(cost, self._reserved_on(name, day)))
        self.add(spent)
        return spent

    def _reserved_on(self, campaign: str, day: int) -> int:
        place = campaign, day
        return max(0, self._own.get(place, 0) + self._others.get(place, 0))

    def dated(self, message: Message, day: int) -> Message:
        """``message``, whose cost was reserved on ``day``, such that ``returned`` finds that day. It may have
        been created on the previous day.
        """
        if self._day_of(message) == day:
            return message
        return replace(message, not_before_ns=day_start_ns(day, self._zone))

    def _day_of(self, message: Message) -> int:
        created_ns = message.dated_ns or message.created_ns + self._wall.ahead_at_ns(message.created_ns)
        return day_of(max(created_ns, message.not_before_ns), self._zone)

    def add(self, spent: Spent) -> None:
        """Count ``spent``."""
        place = spent.campaign, spent.day
        before = self._own.get(place)
        if before is None:
            self._days.setdefault(spent.campaign, set()).add(spent.day)
        self._own[place] = spent.amount + (before or 0)
        self._count(spent)

    def totals(self, changed: Iterable[Spent]) -> list[Spent]:
        """This node's totals of the campaigns and days of ``changed``. A store that keeps totals, and no
        differences, is right again after a commit of which it is not known whether it was kept.
        """
        places = dict.fromkeys((each.campaign, each.day) for each in changed)
        return [Spent(campaign, day, self._own.get((campaign, day), 0)) for campaign, day in places]

    def totals_of(self, campaign: str) -> list[Spent]:
        """This node's totals of all days of a campaign."""
        places = [(campaign, day) for day in sorted(self._days.get(campaign, ()))]
        return [Spent(*place, self._own[place]) for place in places if place in self._own]

    def _count(self, spent: Spent) -> None:
        self.spent[spent.campaign] = self.spent.get(spent.campaign, 0) + spent.amount
        self._by_day[spent.day] = self._by_day.get(spent.day, 0) + spent.amount
        if len(self._by_day) > _DAYS_KEPT:
            del self._by_day[min(self._by_day)]

    def forget(self, campaign: str, day: int) -> None:
        """A later campaign of this name has only the costs of ``day`` and later ones."""
        self.forget_days([(campaign, each) for each in self._days.get(campaign, ()) if each < day])

    def places(self) -> list[tuple[str, int]]:
        """The campaigns and days with costs."""
        return list({**self._own, **self._others})

    def forget_days(self, places: Iterable[tuple[str, int]]) -> None:
        """These campaigns and days count no longer."""
        for place in places:
            campaign, day = place
            amount = self._own.pop(place, 0) + self._others.pop(place, 0)
            left = self.spent.pop(campaign, 0) - amount
            if left:
                self.spent[campaign] = left
            days = self._days.pop(campaign, set())
            days.discard(day)
            if days:
                self._days[campaign] = days

    def learn(self, spent: Spent) -> None:
        """The amount of all other nodes for a campaign and day is ``spent`` now."""
        place = spent.campaign, spent.day
        before = self._others.get(place, 0)
        self._days.setdefault(spent.campaign, set()).add(spent.day)
        self._others[place] = spent.amount
        if spent.amount != before:
            self._count(replace(spent, amount=spent.amount - before))


def day_of(at_ns: int, zone: ZoneInfo) -> int:
    """The day of ``at_ns``, Unix time, in ``zone``, in days since 1970-01-01."""
    return datetime.fromtimestamp(at_ns // NS_PER_S, zone).date().toordinal() - _EPOCH


def day_start_ns(day: int, zone: ZoneInfo) -> int:
    """When ``day`` begins in ``zone``, in Unix time."""
    begins = datetime.combine(date.fromordinal(day + _EPOCH), time(), zone)
    return int(begins.timestamp()) * NS_PER_S


def summed(spent: Iterable[Spent]) -> list[Spent]:
    """One amount for each campaign and day."""
    sums: dict[tuple[str, int], int] = {}
    for each in spent:
        place = each.campaign, each.day
        sums[place] = sums.get(place, 0) + each.amount
    return [Spent(campaign, day, amount) for (campaign, day), amount in sums.items() if amount]
