"""The controls of a campaign: its state, which its owner changes, and its spending limit."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class CampaignState(Enum):
    """Running, until its owner pauses or cancels it. Cancelled is final."""

    RUNNING = "running"
    PAUSED = "paused"  # its messages are held
    CANCELLED = "cancelled"  # its messages that were not submitted have ended, and it accepts no more


class Campaign(Struct, frozen=True):
    """A campaign with controls. A campaign without them has no record: it is running, without a limit."""

    name: str
    state: CampaignState = CampaignState.RUNNING
    spending_limit: int | None = None  # in millionths of the currency
