"""Delivery reports that are sent twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from mock_provider.engine.distributions import nanoseconds
from mock_provider.engine.faults.hooks import AtReport, ReportChange
from mock_provider.engine.faults.settings import FaultSettings, percent
from mock_provider.settings.distributions import Seconds, UnitShare

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws


class ReportDuplicate(FaultSettings):
    """A share of the reports is sent again ``after_s`` later, though it was confirmed."""

    kind: Literal["report_duplicate"]
    share: UnitShare = 1.0
    after_s: Seconds = 1.0

    examples: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "report_duplicate": {"share": 0.6, "after_s": 3},
    }

    def description(self) -> str:
        return f"duplicate reports: {percent(self.share)} of reports are sent again after {self.after_s:g} s"

    def acting(self, start_ns: int, end_ns: int) -> DuplicateReport:
        return DuplicateReport(self.name, self.share, nanoseconds(self.after_s))


@dataclass(frozen=True, slots=True)
class DuplicateReport(AtReport):
    """Per report, of messages that end in the window."""

    share: float
    after_ns: int

    order: ClassVar[int] = 1  # a lost report has no copy

    def change(self, draws: Draws, key: str, ordinal: int) -> ReportChange | None:
        hit = draws.fault(self.name, key, ordinal) < self.share
        return ReportChange(copy_after_ns=self.after_ns) if hit else None
