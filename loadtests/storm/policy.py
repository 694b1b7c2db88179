"""The rules of a storm: prices, and opening hours that begin or end in the middle of it."""

from __future__ import annotations

from functools import cache

from reference_sender.policy.countries import Country
from reference_sender.policy.settings import NO_POLICY, PolicySettings, SpendingLimits

# A storm begins at 22:30 UTC (world.py). At 22:31 its recipients' country closes, or opens.
HOURS = {"closing": ("00:00", "22:31"), "opening": ("22:31", "24:00")}


@cache
def policy_of(hours: str) -> PolicySettings:
    """The rules of a storm. "": its recipients' country has no opening hours."""
    priced = NO_POLICY.model_copy(update={"spending": SpendingLimits(cost_per_segment=1.0)})
    if not hours:
        return priced
    each = HOURS[hours]
    country = Country(prefixes=("486",), zones=("UTC",), monday_to_friday=each, saturday=each, sunday=each)
    return priced.model_copy(update={"countries": {"XX": country}})
