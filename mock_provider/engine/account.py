"""The account: who may send, under which names, at what price, and how much credit is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_provider.engine.localtime import LocalClock
from mock_provider.engine.money import MICRO
from mock_provider.engine.snapshot import AccountSpending

if TYPE_CHECKING:
    from mock_provider.settings import sections


class Account:
    """One account of the provider, and what it has spent."""

    __slots__ = (
        "_clock",
        "_day",
        "_day_messages",
        "_priority_factor",
        "_settings",
        "balance_micro",
        "daily_messages",
        "name",
        "prices_micro",
        "sender_names",
        "suspended",
        "tokens",
    )

    def __init__(self, settings: sections.AccountSettings) -> None:
        self._apply(settings)
        self.balance_micro = _micro(settings.balance_points)  # the credit that is left; None: unlimited
        self._day = self._day_messages = 0

    def reconfigure(self, settings: sections.AccountSettings) -> None:
        """Apply new settings. The credit is kept, unless its configured amount changed."""
        balance_changed = settings.balance_points != self._settings.balance_points
        self._apply(settings)
        if balance_changed:
            self.balance_micro = _micro(settings.balance_points)

    def spending(self) -> AccountSpending:
        """For the next start."""
        configured_micro = _micro(self._settings.balance_points)
        return AccountSpending(configured_micro, self.balance_micro, self._day, self._day_messages)

    def restore(self, spending: AccountSpending) -> None:
        """Continue with what was spent, unless the configured credit changed."""
        self._day, self._day_messages = spending.day, spending.day_messages
        if spending.configured_micro == _micro(self._settings.balance_points):
            self.balance_micro = spending.balance_micro

    @property
    def balance_points(self) -> float | None:
        """The credit that is left. None: unlimited."""
        return None if self.balance_micro is None else self.balance_micro / MICRO

    @property
    def balance_is_low(self) -> bool:
        """Whether the credit is below the profile's threshold."""
        points, low = self.balance_points, self._settings.low_balance_points
        return points is not None and low is not None and points < low

    def price_by_micro(self, micro: int, segments: int, priority: bool) -> int:
        """The price if a segment costs ``micro`` in place of the account's price."""
        return (round(micro * self._priority_factor) if priority else micro) * segments

    def pay(self, price_micro: int) -> None:
        """A negative price is a refund."""
        if self.balance_micro is not None:
            self.balance_micro -= price_micro

    def within_daily_cap(self, unix_s: int, messages: int) -> bool:
        """Whether this many more messages are allowed on the local day of ``unix_s``."""
        self._turn(unix_s)
        return self.daily_messages is None or self._day_messages + messages <= self.daily_messages

    def count(self, unix_s: int, messages: int) -> None:
        """Count accepted messages."""
        self._turn(unix_s)
        self._day_messages += messages

    def _turn(self, unix_s: int) -> None:
        day = self._clock.day(unix_s)
        if day != self._day:
            self._day, self._day_messages = day, 0

    def _apply(self, settings: sections.AccountSettings) -> None:
        self._settings = settings
        self.name = settings.name
        self.suspended = settings.suspended
        self.tokens = frozenset(settings.tokens)
        self.sender_names = frozenset(settings.sender_names)  # empty: any
        self.daily_messages = settings.daily_messages
        self._clock = LocalClock(settings.utc_offsets())
        self._priority_factor = settings.priority_price_factor
        price = settings.price_per_segment
        # Of one segment: without priority and with it.
        self.prices_micro = (round(price * MICRO), round(price * settings.priority_price_factor * MICRO))


def _micro(points: float | None) -> int | None:
    return None if points is None else round(points * MICRO)
