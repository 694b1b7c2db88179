"""How far the spending limits are used up, for alerts and metrics."""

from __future__ import annotations

from msgspec import Struct


class CampaignSpending(Struct, frozen=True, gc=False):
    """A campaign with a spending limit; amounts in millionths of the currency."""

    campaign: str
    spent: int
    limit: int
    over_limit: int  # held messages that wait for a higher limit

    @property
    def share(self) -> float:
        """The used part of the limit."""
        return self.spent / self.limit if self.limit else float(self.over_limit > 0)


class SpendingState(Struct, frozen=True):
    """All limits. ``day`` is today, in days since 1970-01-01."""

    day: int = 0
    spent_today: int = 0
    daily_limit: int | None = None
    moved_today: int = 0  # messages that wait for a later day, since today's limit is reached
    campaigns: tuple[CampaignSpending, ...] = ()
