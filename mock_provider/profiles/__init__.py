"""Provider profiles: ready-made TOML files and their validation. docs/profiles.md explains every key."""

from mock_provider.profiles.loading import (
    ProfileError,
    load_profile,
    parse_profile,
    profile_names,
    with_token,
)
from mock_provider.profiles.scaling import scale_profile
from mock_provider.profiles.schema import Profile

__all__ = [
    "Profile",
    "ProfileError",
    "load_profile",
    "parse_profile",
    "profile_names",
    "scale_profile",
    "with_token",
]
