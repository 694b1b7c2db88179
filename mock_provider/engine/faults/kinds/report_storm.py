"""Delivery reports that are held and then all sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from mock_provider.engine.faults.hooks import AtReportDue
from mock_provider.engine.faults.settings import FaultSettings
from mock_provider.engine.throttle import unit_ns
from mock_provider.settings.network import Rate


class ReportStorm(FaultSettings):
    """Reports that come due in the window are held until its end, then sent: 1,000 every 5 ms, or at a rate.

    Per time: every report and every repeated report call.
    """

    kind: Literal["report_storm"]
    release_per_s: Rate | None = None

    examples: ClassVar[Mapping[str, Mapping[str, object]]] = {"report_storm": {"end_s": 20.0}}

    def description(self) -> str:
        pace = "1,000 every 5 ms" if self.release_per_s is None else f"at {self.release_per_s:g}/s"
        return f"report storm: reports held until its end, then released {pace}"

    def acting(self, start_ns: int, end_ns: int) -> AtReportDue:
        return AtReportDue(self.name, unit_ns(self.release_per_s))
