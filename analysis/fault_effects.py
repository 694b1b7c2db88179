"""What a fault of the provider does, as far as the analysis must know it.

The provider states the effect of every fault (``effect`` of its windows), so a new fault kind needs no
entry here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

RecordedEffect = Literal[
    "outage",  # every request fails
    "outage_of_a_host",  # every request to one of the two hosts fails
    "lowered_limit",
    "held_messages",  # accepted messages wait for the fault's end
    "reports",
    "other",
]

# The kinds of the provider that wrote no effect.
_WITHOUT_EFFECT: dict[str, RecordedEffect] = {
    "outage": "outage",
    "rate_reduction": "lowered_limit",
    "carrier_down": "held_messages",
    "country_down": "held_messages",
    "report_loss": "reports",
    "report_duplicate": "reports",
    "report_delay": "reports",
    "report_reorder": "reports",
    "report_storm": "reports",
}


def effect_of(
    recorded: RecordedEffect | None, name: str, kind: str, profile: Mapping[str, Any]
) -> RecordedEffect:
    """``recorded`` None: the run directory does not have it, so it follows from kind and settings."""
    if recorded is not None:
        return recorded
    faults = [each for each in profile.get("faults") or () if isinstance(each, Mapping)]
    settings: Mapping[str, Any] = next((each for each in faults if each.get("name") == name), {})
    effect = _WITHOUT_EFFECT.get(kind, "other")
    if effect == "outage" and settings.get("host", "both") != "both":
        return "outage_of_a_host"
    if effect == "held_messages" and settings.get("behaviour", "hold") != "hold":
        return "other"
    return effect
