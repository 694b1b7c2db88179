"""The provider loses messages that it accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from mock_provider.engine.faults.hooks import AtAccept
from mock_provider.engine.faults.settings import FaultSettings, percent
from mock_provider.settings.distributions import UnitShare

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws


class AcceptThenLose(FaultSettings):
    """A share of the messages is accepted and answered, then lost: no delivery, no report."""

    kind: Literal["accept_then_lose"]
    share: UnitShare = 1.0

    examples: ClassVar[Mapping[str, Mapping[str, object]]] = {"accept_then_lose": {"share": 0.4}}

    def description(self) -> str:
        return f"accept then lose: {percent(self.share)} of messages accepted and lost"

    def acting(self, start_ns: int, end_ns: int) -> LossAfterAccept:
        return LossAfterAccept(self.name, self.share)


@dataclass(frozen=True, slots=True)
class LossAfterAccept(AtAccept):
    """Per message: a message that is sent again has a separate draw."""

    share: float

    def loses(self, draws: Draws, key: str, ordinal: int) -> bool:
        return draws.fault(self.name, key, ordinal) < self.share
