"""The limits, purges and replays of a storm."""

from __future__ import annotations

from msgspec import Struct

NUMBER_WINDOW_S = 40.0


class CampaignLimit(Struct, frozen=True):
    """A spending limit, in segments, and what it is raised to; 0: it stays."""

    campaign: str
    at_s: float
    segments: int
    raised_at_s: float
    raised_to: int


class CampaignPurge(Struct, frozen=True):
    """A pass of the purge that also removes old campaigns, and what happens meanwhile: limits are set again
    to what they are, and the sender is killed. ``crash_s`` None: it is not.
    """

    at_s: float
    limits_again: tuple[tuple[str, float], ...]
    crash_s: float | None


class StormRules(Struct, frozen=True):
    """``daily_limit``: in segments. ``number_limit``: messages to one number in ``NUMBER_WINDOW_S``.
    ``keep_s``: how long final messages are kept; None: always. ``purges``: when passes begin. ``replays``:
    when all dead letters are sent again. ``campaign_purges``: hours after the storm.
    """

    campaign_limits: tuple[CampaignLimit, ...] = ()
    daily_limit: int | None = None
    number_limit: int | None = None
    keep_s: float | None = None
    purges: tuple[float, ...] = ()
    replays: tuple[float, ...] = ()
    campaign_purges: tuple[CampaignPurge, ...] = ()


NO_RULES = StormRules()
