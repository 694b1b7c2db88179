"""A submit that gets no reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from msgspec.structs import replace

from mock_provider.engine.faults.hooks import AtReply, AtSubmit, ReplyPlan, RequestInterruption
from mock_provider.engine.faults.settings import FaultSettings, Preset, percent
from mock_provider.settings.distributions import UnitShare

if TYPE_CHECKING:
    from mock_provider.engine.draws import Draws


class Hang(FaultSettings):
    """A share of the attempts gets no reply: lost before the provider accepted it, or after (``accepted``).

    With ``disconnect`` the connection is reset instead, at once or when the reply would have left.
    """

    kind: Literal["hang", "lost_reply", "cut_after_accept"]
    share: UnitShare = 1.0
    accepted: bool = False
    disconnect: bool = False

    presets: ClassVar[Mapping[str, Preset]] = {
        "lost_reply": Preset(
            "A share of the attempts is accepted and never answered: the client does not know the outcome.",
            {"accepted": True, "disconnect": False},
        ),
        "cut_after_accept": Preset(
            "A share of the attempts is accepted, and the connection is reset in place of the answer.",
            {"accepted": True, "disconnect": True},
        ),
    }

    examples: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "hang": {"kind": "hang", "share": 0.4},
        "lost_reply": {"kind": "lost_reply", "share": 0.4},
        "cut_after_accept": {"kind": "cut_after_accept", "share": 0.4},
    }

    def description(self) -> str:
        name = self.kind.replace("_", " ")
        taken = "accepted" if self.accepted else "lost before acceptance"
        end = "the connection is reset before the reply" if self.disconnect else "never answered"
        return f"{name}: {percent(self.share)} of attempts {taken}, {end}"

    def acting(self, start_ns: int, end_ns: int) -> LostRequest | LostReply:
        acting = LostReply if self.accepted else LostRequest
        return acting(self.name, self.share, self.disconnect)


@dataclass(frozen=True, slots=True)
class LostRequest(AtSubmit):
    """Per attempt: each submit of a key has a separate draw. No message of it is accepted."""

    share: float
    disconnect: bool

    def interrupt(self, draws: Draws, key: str, attempt: int) -> RequestInterruption | None:
        hit = draws.fault(self.name, key, attempt) < self.share
        return RequestInterruption(disconnect=self.disconnect) if hit else None


@dataclass(frozen=True, slots=True)
class LostReply(AtReply):
    """Per attempt: each submit of a key has a separate draw. All its messages are accepted."""

    share: float
    disconnect: bool

    order: ClassVar[int] = 1  # the connection is reset when the reply would have left

    def change(self, plan: ReplyPlan, draws: Draws, key: str, attempt: int, at_ns: int) -> ReplyPlan | None:
        if plan.answer is None or draws.fault(self.name, key, attempt) >= self.share:
            return None
        return replace(plan, answer=None, disconnect=self.disconnect)
