"""Delivery reports that are never sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from mock_provider.engine.faults.hooks import AtReport, ReportChange
from mock_provider.engine.faults.settings import FaultSettings, percent
from mock_provider.settings.distributions import UnitShare

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws


class ReportLoss(FaultSettings):
    """A share of the reports is never sent."""

    kind: Literal["report_loss"]
    share: UnitShare = 1.0

    examples: ClassVar[Mapping[str, Mapping[str, object]]] = {"report_loss": {"share": 0.5}}

    def description(self) -> str:
        return f"report loss: {percent(self.share)} of reports never sent"

    def acting(self, start_ns: int, end_ns: int) -> LostReport:
        return LostReport(self.name, self.share)


@dataclass(frozen=True, slots=True)
class LostReport(AtReport):
    """Per report, of messages that end in the window."""

    share: float

    def change(self, draws: Draws, key: str, ordinal: int) -> ReportChange | None:
        return ReportChange(lost=True) if draws.fault(self.name, key, ordinal) < self.share else None
