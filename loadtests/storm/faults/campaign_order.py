"""A campaign is paused and resumed, or cancelled, in the middle of a storm."""

from __future__ import annotations

from random import Random
from typing import ClassVar, Self

from msgspec import Struct

from loadtests.storm.fault import CAMPAIGNS, DrawRange, FaultTarget
from reference_sender.policy.campaigns import CampaignState

PAUSED, RESUMED, CANCELLED = "campaign_paused", "campaign_resumed", "campaign_cancelled"


class CampaignOrder(Struct, frozen=True):
    """It is paused for ``pause_s``, unless that is 0; then it is cancelled, or resumed."""

    at_s: float
    campaign: str
    pause_s: float
    cancels: bool

    names: ClassVar[tuple[str, ...]] = (PAUSED, RESUMED, CANCELLED)

    @classmethod
    def draw(cls, random: Random, within: DrawRange) -> Self:
        pause_s = random.choice((0.0, 5.0, 60.0))
        cancels = not pause_s or random.random() < 0.3
        return cls(within.instant(random), random.choice(CAMPAIGNS), pause_s, cancels)

    def begin(self, target: FaultTarget) -> None:
        state, admin, campaign = target.state, target.admin, self.campaign

        def end() -> None:
            if self.cancels:
                admin.set_state(CANCELLED, campaign, CampaignState.CANCELLED)
            else:
                admin.set_state(RESUMED, campaign, CampaignState.RUNNING)

        def wait() -> None:
            state.later(int(self.pause_s * 1e9), end)

        if self.pause_s:
            state.at(self.at_s, lambda: admin.set_state(PAUSED, campaign, CampaignState.PAUSED, wait))
        else:
            state.at(self.at_s, end)


KIND = CampaignOrder
