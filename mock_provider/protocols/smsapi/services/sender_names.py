"""The sender names of an account: those of its profile, and those that clients added."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class SenderName(Struct, frozen=True, gc=False):
    """``active``: messages may be sent with it."""

    name: str
    active: bool
    is_default: bool


class SenderNames:
    """If the profile limits the names, an added name waits for approval; otherwise it is active immediately.

    The engine reads the allowed names from the profile, so requests here do not change them.
    """

    def __init__(self, default: str, capacity: int = 1_000) -> None:
        self._first_default = default
        self._default = default
        self._capacity = capacity
        self._asked_for: dict[str, None] = {}

    def listed(self, of_profile: Sequence[str]) -> list[SenderName]:
        """The profile's names (if there are none: the default name), then the added ones."""
        limited = bool(of_profile)
        names = dict.fromkeys(of_profile or (self._first_default,), True)
        for name in self._asked_for:
            names.setdefault(name, not limited)
        return [SenderName(name, active, name == self._default) for name, active in names.items()]

    def find(self, name: str, of_profile: Sequence[str]) -> SenderName | None:
        return next((each for each in self.listed(of_profile) if each.name == name), None)

    def add(self, name: str) -> bool:
        """Request a name. False: there are too many."""
        if len(self._asked_for) >= self._capacity:
            return False
        self._asked_for[name] = None
        return True

    def remove(self, name: str) -> bool:
        """Withdraw a requested name. False: it was not requested."""
        if name not in self._asked_for:
            return False
        del self._asked_for[name]
        if self._default == name:
            self._default = self._first_default
        return True

    def make_default(self, name: str) -> None:
        self._default = name
