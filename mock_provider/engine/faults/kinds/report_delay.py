"""Delivery reports that come late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from mock_provider.engine.distributions import DelaySampler, sampler
from mock_provider.engine.faults.hooks import AtReport, ReportChange
from mock_provider.engine.faults.settings import FaultSettings, percent
from mock_provider.settings.distributions import DelayDistribution, Fixed, UnitShare

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws


class ReportDelay(FaultSettings):
    """A share of the reports comes due later by a delay of its own."""

    kind: Literal["report_delay"]
    share: UnitShare = 1.0
    delay: DelayDistribution = Fixed(kind="fixed", value_s=30.0)

    examples: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "report_delay": {"share": 0.6, "delay": {"kind": "uniform", "low_s": 5, "high_s": 1500}},
    }

    def description(self) -> str:
        return f"late reports: {percent(self.share)} by {_described(self.delay)}"

    def acting(self, start_ns: int, end_ns: int) -> DelayedReport:
        return DelayedReport(self.name, self.share, sampler(self.delay))


def _described(delay: DelayDistribution) -> str:
    if delay.kind == "fixed":
        return f"{delay.value_s:g} s"
    if delay.kind == "uniform":
        return f"{delay.low_s:g} to {delay.high_s:g} s"
    if delay.kind == "lognormal":
        return f"{delay.median_s:g} s (median; p99 {delay.p99_s:g} s)"
    return f"a delay of kind {delay.kind}"


@dataclass(frozen=True, slots=True)
class DelayedReport(AtReport):
    """Per report, of messages that end in the window."""

    share: float
    delay: DelaySampler

    order: ClassVar[int] = 2

    def change(self, draws: Draws, key: str, ordinal: int) -> ReportChange | None:
        if draws.fault(self.name, key, ordinal) >= self.share:
            return None
        # Draws with separate names: the choice of a report and its delay are independent.
        u, v = draws.fault(f"{self.name}/u", key, ordinal), draws.fault(f"{self.name}/v", key, ordinal)
        return ReportChange(delay_ns=self.delay(u, v))
