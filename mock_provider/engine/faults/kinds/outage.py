"""The provider is down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from mock_provider.engine.faults.hooks import AtRequest, FaultEffect, RequestInterruption
from mock_provider.engine.faults.settings import FaultSettings
from mock_provider.settings.values import Refusal

Host = Literal["both", "primary", "backup"]

_DESCRIPTIONS = {
    "refuse": "every request refused as unavailable",
    "hang": "no request answered",
    "disconnect": "every connection reset before the reply",
}


class Outage(FaultSettings):
    """Every request in the window is refused as unavailable, gets no answer, or its connection is reset."""

    kind: Literal["outage"]
    answer: Literal["refuse", "hang", "disconnect"] = "refuse"
    host: Host = "both"

    examples: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "outage_refused": {"answer": "refuse"},
        "outage_hang": {"answer": "hang"},
        "outage_disconnect": {"answer": "disconnect"},
    }

    def description(self) -> str:
        where = "" if self.host == "both" else f" ({self.host} host only)"
        return f"outage{where}: {_DESCRIPTIONS[self.answer]}"

    def acting(self, start_ns: int, end_ns: int) -> HostDown:
        refusal = Refusal.UNAVAILABLE if self.answer == "refuse" else None
        return HostDown(self.name, self.host, RequestInterruption(refusal, self.answer == "disconnect"))


@dataclass(frozen=True, slots=True)
class HostDown(AtRequest):
    """Per time: every request to the host in the window."""

    host: Host
    interruption: RequestInterruption

    order: ClassVar[int] = 0

    @property
    def effect(self) -> FaultEffect:
        return "outage" if self.host == "both" else "outage_of_a_host"

    def interrupt(self, backup_host: bool) -> RequestInterruption | None:
        met = self.host == "both" or (self.host == "backup") is backup_host
        return self.interruption if met else None
