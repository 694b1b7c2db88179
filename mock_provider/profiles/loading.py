"""Loads profiles by a ready-made name, or from a TOML or JSON file. An error lists all mistakes at once."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from mock_provider.profiles.merging import merged
from mock_provider.profiles.schema import Profile
from mock_provider.profiles.validation_errors import error_lines
from user_input.text_file import decoded

_READY_MADE = resources.files(__package__)


class ProfileError(ValueError):
    """``errors``: one line each, with the key's path and the allowed values."""

    def __init__(self, source: str, errors: tuple[str, ...]) -> None:
        self.source = source
        self.errors = errors
        between = " " if len(errors) == 1 else "\n  "
        super().__init__(between.join((f"profile {source}:", *errors)))


def profile_names() -> tuple[str, ...]:
    """The ready-made profiles."""
    return tuple(sorted(Path(f.name).stem for f in _READY_MADE.iterdir() if f.name.endswith(".toml")))


def load_profile(name_or_path: str | Path) -> Profile:
    """A ready-made profile by its name, or the profile in a ``.toml`` or ``.json`` file.

    Raises ``ProfileError``.
    """
    name = str(name_or_path)
    if name in profile_names():
        return parse_profile(_on_base(_ready_made(name), name), name)
    path = Path(name_or_path)
    if path.suffix not in (".toml", ".json"):
        ready_made = ", ".join(profile_names())
        raise ProfileError(name, (f"neither a ready-made profile ({ready_made}) nor a .toml or .json file",))
    try:
        text = decoded(path.read_bytes())
    except OSError as error:
        raise ProfileError(name, (f"cannot be read: {error.strerror}",)) from error
    except ValueError as error:
        raise ProfileError(name, (f"cannot be read: {error}",)) from error
    values = _toml(name, text) if path.suffix == ".toml" else _json(name, text)
    return parse_profile(_on_base(values, name), name)


def parse_profile(values: Any, source: str = "given") -> Profile:
    """A profile from plain values, as in TOML or JSON. Raises ``ProfileError``."""
    try:
        return Profile.model_validate(values)
    except ValidationError as error:
        raise ProfileError(source, error_lines(error)) from error


def _ready_made(name: str) -> dict[str, Any]:
    return _toml(name, (_READY_MADE / f"{name}.toml").read_text("utf-8"))


def _on_base(values: Any, source: str) -> Any:
    """``values`` merged into the ready-made profile that their key ``base`` names, if there is one."""
    if not isinstance(values, dict) or "base" not in values:
        return values
    base = values["base"]
    if base not in profile_names():
        allowed = ", ".join(profile_names())
        raise ProfileError(source, (f"base: {base!r}: not a ready-made profile (allowed: {allowed})",))
    own = {name: value for name, value in values.items() if name != "base"}
    return merged(_on_base(_ready_made(base), source), own)


def with_token(profile: Profile, *tokens: str) -> Profile:
    """The profile with these tokens added to its account's."""
    account = profile.account.model_copy(
        update={"tokens": tuple(dict.fromkeys((*profile.account.tokens, *tokens)))}
    )
    return profile.model_copy(update={"account": account})


def _toml(source: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:  # also of an integer with too many digits
        raise ProfileError(source, (f"not TOML: {error}",)) from error


def _json(source: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ProfileError(source, (f"not JSON: {error}",)) from error
