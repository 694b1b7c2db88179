"""The provider is down."""

from __future__ import annotations

from msgspec import Struct


class Outage(Struct, frozen=True):
    """Per time: every request in the window meets it.

    It is refused as UNAVAILABLE, or with ``disconnect`` its connection is cut unanswered.
    """

    name: str
    disconnect: bool
