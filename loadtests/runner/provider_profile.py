"""The provider's profile for a part: resolved, scaled on request, and its limits for the sender's route."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from loadtests.scenario import Scenario

if TYPE_CHECKING:
    from mock_provider.profiles import Profile


class ProfileChoice(Struct, frozen=True):
    """``argument`` is the value for ``--profile``; ``document`` the resolved profile without its tokens."""

    name: str
    argument: str
    document: dict[str, Any]

    def route_options(self, paced_segments_per_s: float | None = None) -> str:
        """The query of a route URL with the provider's limits; empty if the profile has none.

        The burst is half of the provider's: requests may arrive closer together than they were sent, and a
        throttled batch costs more time than a larger burst saves. ``paced_segments_per_s``: the sender keeps
        to this rate too, although the provider queues what is above it.
        """
        throttle = self.document.get("throttle") or {}
        options: dict[str, float] = {}
        for what in ("requests", "segments"):
            limit = throttle.get(what)
            if limit:
                options[f"{what}_per_s"] = limit["rate_per_s"]
                options[f"{what}_burst"] = max(10 if what == "segments" else 1, limit["burst"] // 2)
        if paced_segments_per_s is not None:
            options.setdefault("segments_per_s", paced_segments_per_s)
        return urlencode(options)


def require_profile(name_or_path: str) -> None:
    """Raises ``ValueError`` with all errors of a profile, or the list of profiles."""
    from mock_provider.profiles import load_profile

    load_profile(name_or_path)


def require_profiles(scenario: Scenario, profile: str | None = None) -> None:
    """The same for ``profile``, or for that of each part; then the error names the part."""
    if profile:
        require_profile(profile)
        return
    for part in scenario.parts:
        try:
            require_profile(part.profile)
        except ValueError as error:
            raise ValueError(f"scenario {scenario.name}, part {part.slug}: {error}") from None


def choose_profile(
    name_or_path: str, scale: float, folder: Path, changed: Callable[[Profile], Profile] | None = None
) -> ProfileChoice:
    """Resolve a profile. A scaled or ``changed`` one is written to ``folder``. Raises ``ValueError`` with all
    errors.
    """
    # Imported here, since only the start of a provider needs it and it imports pydantic.
    from mock_provider.profiles import load_profile, scale_profile

    profile = load_profile(name_or_path)
    argument = name_or_path
    if scale != 1.0:
        profile = scale_profile(profile, scale)
    if changed is not None:
        profile = changed(profile)
    if scale != 1.0 or changed is not None:
        written = folder / "profile.json"
        written.write_bytes(msgspec.json.format(profile.model_dump_json().encode(), indent=2))
        argument = str(written)
    document = profile.model_dump(mode="json")
    document.get("account", {}).pop("tokens", None)
    return ProfileChoice(profile.name, argument, document)
