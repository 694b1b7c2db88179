"""Delivery reports that come out of order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from mock_provider.engine.distributions import nanoseconds
from mock_provider.engine.faults.hooks import AtReport, ReportChange
from mock_provider.engine.faults.settings import FaultSettings, percent
from mock_provider.settings.distributions import PositiveSeconds, UnitShare

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws


class ReportReorder(FaultSettings):
    """A share of the reports is reordered: each comes due later by 0 to ``within_s``, evenly distributed."""

    kind: Literal["report_reorder"]
    share: UnitShare = 1.0
    within_s: PositiveSeconds = 5.0

    examples: ClassVar[Mapping[str, Mapping[str, object]]] = {"report_reorder": {"within_s": 20}}

    def description(self) -> str:
        return f"reordered reports: {percent(self.share)} delayed by up to {self.within_s:g} s"

    def acting(self, start_ns: int, end_ns: int) -> ReorderedReport:
        return ReorderedReport(self.name, self.share, nanoseconds(self.within_s))


@dataclass(frozen=True, slots=True)
class ReorderedReport(AtReport):
    """Per report, of messages that end in the window.

    Reports change places between calls, and within a call that gathers several.
    """

    share: float
    within_ns: int

    order: ClassVar[int] = 2

    def change(self, draws: Draws, key: str, ordinal: int) -> ReportChange | None:
        if draws.fault(self.name, key, ordinal) >= self.share:
            return None
        return ReportChange(delay_ns=int(draws.fault(f"{self.name}/u", key, ordinal) * self.within_ns))
