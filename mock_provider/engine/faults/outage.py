"""The provider is down."""

from __future__ import annotations

from msgspec import Struct


class Outage(Struct, frozen=True):
    """Per time: every request in the window meets it.

    It is refused as UNAVAILABLE; with ``disconnect`` its connection is reset, with ``hang`` it is never
    answered.
    """

    name: str
    disconnect: bool
    hang: bool = False
    host: str = "both"  # or "primary", or "backup"

    def meets(self, backup_host: bool) -> bool:
        """Whether a request to that host meets it."""
        return self.host == "both" or (self.host == "backup") is backup_host
