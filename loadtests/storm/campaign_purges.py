"""Draws passes of the purge of old campaigns, and calls that come at the same time.

Their draws are independent of the others, so that a seed keeps these, except the call that an opt-out is
about. A pass begins after midnight by the wall clock, unless that was set back: the costs of the storm are of
an earlier day.
"""

from __future__ import annotations

from random import Random

from loadtests.storm.fault import CAMPAIGNS, Call
from loadtests.storm.purge import RULES_AFTER_NS
from loadtests.storm.rules import CampaignPurge
from reference_sender.dispatch.values import Lane

_FIRST_S = 4 * 3_600.0
_RULES_S = 5.0  # how long that part of a pass lasts at most, with the answers of the store
_VALID_S = 600.0
_LANES = (Lane.OTP, Lane.TRANSACTIONAL, Lane.MARKETING, Lane.MARKETING)


def draw_campaign_purges(seed: int) -> tuple[CampaignPurge, ...]:
    """The passes of the storm of ``seed``."""
    random = Random(f"{seed} purge of campaigns")
    if random.random() >= 0.25:
        return ()
    first_s = round(_FIRST_S + random.random() * 600.0, 3)
    times = (first_s, round(first_s + 60.0 + random.random() * 600.0, 3))[: random.randint(1, 2)]
    return tuple(_purge(random, at_s) for at_s in times)


def draw_calls(seed: int, purges: tuple[CampaignPurge, ...], first: int) -> tuple[Call, ...]:
    """Calls that come during ``purges``. The first one has the number ``first``."""
    random = Random(f"{seed} calls during a purge")
    times = [each.at_s for each in purges for _ in range(random.randint(1, 4))]
    return tuple(_call(random, number, at_s) for number, at_s in enumerate(times, start=first))


def _purge(random: Random, at_s: float) -> CampaignPurge:
    again = tuple((name, _during(random, at_s)) for name in CAMPAIGNS if random.random() < 0.5)
    return CampaignPurge(at_s, again, _during(random, at_s) if random.random() < 0.3 else None)


def _call(random: Random, number: int, at_s: float) -> Call:
    lane = random.choice(_LANES)
    return Call(
        number,
        at_s=_during(random, at_s),
        lane=lane,
        campaign=random.choice(CAMPAIGNS),
        sender_id="Shop",
        places=tuple(range(random.randint(1, 3))),
        valid_s=_VALID_S,
        segments=random.choice((1, 2)),
        together=lane is not Lane.OTP and random.random() < 0.7,
    )


def _during(random: Random, at_s: float) -> float:
    return round(at_s + RULES_AFTER_NS / 1e9 + random.random() * _RULES_S, 3)
