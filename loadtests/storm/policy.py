"""The policy of a storm: prices and limits, and opening hours that begin or end in the middle of it."""

from __future__ import annotations

from functools import cache

from loadtests.storm.rules import NUMBER_WINDOW_S, StormRules
from reference_sender.policy.countries import Country
from reference_sender.policy.settings import NO_POLICY, PolicySettings, Recipients, SpendingLimits

# A storm begins at 22:30 UTC (world.py). At 22:31 its recipients' country closes, or opens.
HOURS = {"closing": ("00:00", "22:31"), "opening": ("22:31", "24:00")}


def policy_of(hours: str, rules: StormRules) -> PolicySettings:
    """The policy of a storm. ``hours`` "": its recipients' country has no opening hours."""
    return _policy(hours, rules.daily_limit, rules.number_limit)


@cache
def _policy(hours: str, daily_limit: int | None, number_limit: int | None) -> PolicySettings:
    changed: dict[str, object] = {"spending": SpendingLimits(cost_per_segment=1.0, daily_limit=daily_limit)}
    if number_limit is not None:
        changed["recipients"] = Recipients(messages=number_limit, window_s=NUMBER_WINDOW_S, otp_messages=0)
    if hours:
        each = HOURS[hours]
        country = Country(
            prefixes=("486",), zones=("UTC",), monday_to_friday=each, saturday=each, sunday=each
        )
        changed["countries"] = {"XX": country}
    return NO_POLICY.model_copy(update=changed)
