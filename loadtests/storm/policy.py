"""The opening hours of a storm, which begin or end in the middle of it."""

from __future__ import annotations

from functools import cache

from reference_sender.policy.countries import Country
from reference_sender.policy.settings import NO_POLICY, PolicySettings

# A storm begins at 22:30 UTC (world.py). At 22:31 its recipients' country closes, or opens.
HOURS = {"closing": ("00:00", "22:31"), "opening": ("22:31", "24:00")}


@cache
def policy_of(hours: str) -> PolicySettings:
    """The rules of a storm. "": its recipients' country has no opening hours."""
    if not hours:
        return NO_POLICY
    each = HOURS[hours]
    country = Country(prefixes=("486",), zones=("UTC",), monday_to_friday=each, saturday=each, sunday=each)
    return NO_POLICY.model_copy(update={"countries": {"XX": country}})
