"""The account: who may send, under which names, at what price, and how much credit is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mock_provider.profiles import schema

MICRO = 1_000_000


class Account:
    """Money is counted in millionths of a point, so that sums are exact."""

    __slots__ = (
        "_balance_micro",
        "_prices_micro",
        "_sender_names",
        "_settings",
        "_tokens",
        "name",
        "suspended",
    )

    def __init__(self, settings: schema.Account) -> None:
        self._apply(settings)
        self._balance_micro = _micro(settings.balance_points)

    def reconfigure(self, settings: schema.Account) -> None:
        """Other settings; the credit is kept, unless its amount is what changed."""
        balance_changed = settings.balance_points != self._settings.balance_points
        self._apply(settings)
        if balance_changed:
            self._balance_micro = _micro(settings.balance_points)

    @property
    def balance_points(self) -> float | None:
        """Credit left; None: without end."""
        return None if self._balance_micro is None else self._balance_micro / MICRO

    def knows(self, token: str) -> bool:
        return token in self._tokens

    def allows_sender(self, sender_id: str) -> bool:
        return not self._sender_names or sender_id in self._sender_names

    def price_micro(self, segments: int, fast: bool) -> int:
        return self._prices_micro[fast] * segments

    def can_pay(self, price_micro: int) -> bool:
        return self._balance_micro is None or price_micro <= self._balance_micro

    def pay(self, price_micro: int) -> None:
        """A negative price pays back."""
        if self._balance_micro is not None:
            self._balance_micro -= price_micro

    def _apply(self, settings: schema.Account) -> None:
        self._settings = settings
        self.name = settings.name
        self.suspended = settings.suspended
        self._tokens = frozenset(settings.tokens)
        self._sender_names = frozenset(settings.sender_names)
        price = settings.price_per_segment
        self._prices_micro = (round(price * MICRO), round(price * settings.fast_price_factor * MICRO))


def _micro(points: float | None) -> int | None:
    return None if points is None else round(points * MICRO)
