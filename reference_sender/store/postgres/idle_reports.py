"""Counts of delivery reports that change nothing: the store does not keep them for a node."""

from __future__ import annotations

from threading import Lock

from msgspec.structs import replace

from reference_sender.dispatch.message_states import DELIVERED_BY_SECOND
from reference_sender.store.protocol import Renewal


def is_idle(report: str, progress: str) -> str:
    """SQL: whether a report changes nothing of the state of its message, which has ended, or is not known."""
    return f"NOT coalesce({report}.state = 'delivered' AND {progress}.state IN ('failed', 'expired'), false)"


def is_of_provider(report: str) -> str:
    """SQL: whether a provider sent the report. It is not counted if a node made it."""
    return f"{report}.reason <> '{DELIVERED_BY_SECOND}'"


class IdleReports:
    """Counts of one node since the last ``with_counts``. Several threads use it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._repeated = 0
        self._orphans = 0

    def add(self, repeated: int = 0, orphans: int = 0) -> None:
        """Reports about messages that have ended, and about messages that the store does not have."""
        with self._lock:
            self._repeated += repeated
            self._orphans += orphans

    def add_all(self, more: IdleReports) -> None:
        """Add the counts of ``more``, which no other thread uses."""
        self.add(more._repeated, more._orphans)

    def with_counts(self, renewal: Renewal) -> Renewal:
        """``renewal`` with the counts, which begin again."""
        with self._lock:
            repeated, self._repeated = self._repeated, 0
            orphans, self._orphans = self._orphans, 0
        return replace(renewal, repeated_reports=repeated, orphan_reports=orphans)
