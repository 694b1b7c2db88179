"""Why messages are held, and until when as far as that is known."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from reference_sender.dispatch.values import Message
from reference_sender.policy.campaigns import CampaignState
from reference_sender.policy.gate import Gate
from reference_sender.policy.quiet_hours import FOREVER


class HoldReason(Enum):
    """What holds a message. The first of these that applies is named."""

    PAUSED = "paused"
    SPENDING_LIMIT = "spending_limit"  # of the campaign
    DAILY_LIMIT = "daily_limit"  # no day of the validity has room
    LATER = "later"  # its schedule, or the next day because of the daily limit
    QUIET_HOURS = "quiet_hours"


class Holding(Struct, frozen=True):
    """``until_ns``: when the rule releases the message; None: not known."""

    reason: HoldReason
    until_ns: int | None = None


def why_held(gate: Gate, now_ns: int, message: Message) -> Holding | None:
    """Why a message that no provider has is held at ``now_ns``; None: it is not, or it ends."""
    if gate.ending(message):
        return None
    if _is_paused(gate, message.campaign):
        return Holding(HoldReason.PAUSED)
    if message.not_before_ns >= FOREVER:
        return Holding(_reached_limit(gate, message.campaign, _cost(gate, message)))
    due_ns = gate.may_go_ns(now_ns, message)
    if due_ns <= now_ns:
        return None
    later_ns = gate.may_go_ns(now_ns, replace(message, keeps_hours=False))
    reason = HoldReason.LATER if later_ns > now_ns else HoldReason.QUIET_HOURS
    return Holding(reason, due_ns if due_ns < FOREVER else None)


def why_campaign_held(gate: Gate, now_ns: int, campaign: str) -> Holding | None:
    """As ``why_held``, of the campaign's held messages that are released next."""
    held = gate.held(campaign)
    if held.total == 0:
        return None
    if _is_paused(gate, campaign):
        return Holding(HoldReason.PAUSED)
    message = gate.next_released(campaign)
    if message is not None and (holding := why_held(gate, now_ns, message)) is not None:
        return holding
    return Holding(_reached_limit(gate, campaign, 1)) if held.over_limit else None


def _cost(gate: Gate, message: Message) -> int:
    return 0 if gate.spending is None else gate.spending.prices.cost(message)


def _reached_limit(gate: Gate, name: str, cost: int) -> HoldReason:
    """Why a message of campaign ``name`` that costs ``cost`` has no instant."""
    campaign, spending = gate.campaign(name), gate.spending
    if spending is None or spending.daily_limit is None:
        return HoldReason.SPENDING_LIMIT
    limit = None if campaign is None else campaign.spending_limit
    if limit is not None and spending.spent.get(name, 0) + cost > limit:
        return HoldReason.SPENDING_LIMIT
    return HoldReason.DAILY_LIMIT


def _is_paused(gate: Gate, name: str) -> bool:
    campaign = gate.campaign(name)
    return campaign is not None and campaign.state is CampaignState.PAUSED
