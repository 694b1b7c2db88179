"""The provider's profile for a part: resolved, scaled where asked, and what the sender's route makes of its
limits.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from mock_provider.profiles import Profile


class ProfileChoice(Struct, frozen=True):
    """``argument`` is what ``--profile`` takes; ``document`` the profile as resolved, without its tokens."""

    name: str
    argument: str
    document: dict[str, Any]

    def route_options(self) -> str:
        """The query of a route URL with the provider's limits; empty if the profile has none.

        The burst is half of the provider's: requests may arrive closer together than they were sent, and a
        throttled batch costs more time than a larger burst saves.
        """
        throttle = self.document.get("throttle") or {}
        options: dict[str, float] = {}
        for what in ("requests", "segments"):
            limit = throttle.get(what)
            if limit:
                options[f"{what}_per_s"] = limit["rate_per_s"]
                options[f"{what}_burst"] = max(10 if what == "segments" else 1, limit["burst"] // 2)
        return urlencode(options)


def require_profile(name_or_path: str) -> None:
    """Raises ``ValueError`` that lists all that is wrong with a profile, or the profiles there are."""
    from mock_provider.profiles import load_profile

    load_profile(name_or_path)


def choose_profile(
    name_or_path: str, scale: float, folder: Path, changed: Callable[[Profile], Profile] | None = None
) -> ProfileChoice:
    """Resolve a profile; scaled or ``changed`` it is written to ``folder``. Raises ``ValueError`` that lists
    all that is wrong.
    """
    # Here and not above: it is only needed where a provider is started, and costs pydantic's import.
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
