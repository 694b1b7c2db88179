"""The controls of a campaign: its state, which its owner changes, and its spending limit."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from msgspec import Struct

from reference_sender.policy.spending import Spent


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


class CampaignChange(Struct, frozen=True, gc=False):
    """What is to change of a campaign's controls; None leaves what is there. Several nodes change a campaign,
    and none knows at once what another one changed: so only what is named is written. ``at_ns``: when.
    """

    name: str
    state: CampaignState | None = None
    spending_limit: int | None = None
    at_ns: int = 0


class KnownCampaign(Struct, frozen=True, gc=False):
    """The controls of a campaign that gets messages in the same transaction. If the store has removed them as
    old (``CampaignStore.purge_rules``), it keeps them again, and with them ``spent``, what this process has
    counted of earlier days. Otherwise nothing changes: another node may have changed them.

    ``with_message``: it comes with new messages of the campaign, and not before a change. If the store then
    has messages of the campaign and no controls, these were removed before another node took the messages as
    those of a new campaign. Nothing changes then, and this node forgets the controls later.
    """

    campaign: Campaign
    spent: Sequence[Spent] = ()  # totals
    at_ns: int = 0
    with_message: bool = False


def changed_campaign(before: Campaign | None, change: CampaignChange) -> Campaign:
    """The controls after ``change``. A cancelled campaign stays cancelled."""
    known = before or Campaign(change.name)
    state = known.state
    if change.state is not None and state is not CampaignState.CANCELLED:
        state = change.state
    return Campaign(
        change.name,
        state,
        known.spending_limit if change.spending_limit is None else change.spending_limit,
    )
