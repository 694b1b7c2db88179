"""Policies for senders on the wall clock: what they decide does not depend on the hour or the date."""

from __future__ import annotations

from datetime import UTC, datetime

from reference_sender.policy.settings import PolicySettings


def policy_at_any_hour(**parts: object) -> PolicySettings:
    """The policy with ``parts``, and without quiet hours unless they are among the parts."""
    return PolicySettings.model_validate({"quiet_hours": {"classes": []}} | parts)


def zone_at_noon() -> str:
    """A time zone in which it is noon: no test continues into the next day of that zone."""
    ahead_h = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead_h:+d}"  # POSIX counts to the west


def check_any_hour(policy: PolicySettings) -> None:
    """Refuse a policy whose quiet hours begin and end: a test of it would pass by day and fail by night."""
    changing = [code for code, each in policy.countries.items() if any(map(each.hours, range(7)))]
    if policy.quiet_hours.classes and changing:
        raise AssertionError(
            f"quiet hours of {', '.join(changing[:3])} and others depend on the wall clock; "
            "use policy_at_any_hour, or countries that never open"
        )
