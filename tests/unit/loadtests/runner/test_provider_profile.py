"""The limits of the sender's route follow the provider's profile."""

from __future__ import annotations

from loadtests.runner.provider_profile import ProfileChoice


def test_the_route_keeps_to_the_providers_limits() -> None:
    profile = ProfileChoice(
        "p",
        "p",
        {"throttle": {"requests": {"rate_per_s": 100.0, "burst": 100}, "segments": None}},
    )
    assert profile.route_options() == "requests_per_s=100.0&requests_burst=50"
    assert ProfileChoice("p", "p", {}).route_options() == ""
