"""Reports of one call that are about no message known here. The store, or another node, may know it."""

from __future__ import annotations

from msgspec import Struct

from reference_sender.dispatch.values import Report


class Unmatched(Struct):
    """All are DELIVERED."""

    reports: list[Report] = []  # of providers; the store may have ended their messages
    firsts: list[Report] = []  # of the first messages of delivered second ones: ended, or of another node

    def clear(self) -> None:
        """A new call begins."""
        if self.reports:
            self.reports.clear()
        if self.firsts:
            self.firsts.clear()
