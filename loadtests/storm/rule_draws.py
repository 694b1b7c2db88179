"""Draws the limits, purges and replays of a storm, after everything else."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from loadtests.storm.fault import CAMPAIGNS, Fault
from loadtests.storm.faults.wall_clock import WallClockStep
from loadtests.storm.rules import CampaignLimit, StormRules

# No client repeats a key, and no process makes a second message, after that time.
_LONGEST_REPEAT_S = 400.0


def draw_rules(random: Random, storm_s: float, faults: Iterable[Fault]) -> StormRules:
    """What a storm with these faults has."""
    limits = tuple(_limit(random, name, storm_s) for name in CAMPAIGNS if random.random() < 0.2)
    daily = random.choice((None, None, None, None, None, None, 10, 40))
    number = random.choice((None, None, 1, 2))
    keep_s: float | None = None
    purges: tuple[float, ...] = ()
    if random.random() < 0.4:
        keep_s = shortest_keep_s(faults)
        purges = tuple(round(keep_s + random.random() * 1_500, 3) for _ in range(3))
    replays: tuple[float, ...] = ()
    if random.random() < 0.3:
        first_s = round(random.random() * 3 * storm_s, 3)
        replays = first_s, round(first_s + random.choice((0.0, 5.0, 400.0)), 3)
    return StormRules(limits, daily, number, keep_s, purges, replays)


def shortest_keep_s(faults: Iterable[Fault]) -> float:
    """For how long final messages are kept. With a real ``keep_days`` no step of the wall clock makes a
    message old that a client still repeats.
    """
    return _LONGEST_REPEAT_S + sum(abs(each.by_s) for each in faults if isinstance(each, WallClockStep))


def _limit(random: Random, campaign: str, storm_s: float) -> CampaignLimit:
    at_s = round(random.random() * storm_s / 2, 3)
    segments = random.choice((0, 5, 15, 30))
    return CampaignLimit(
        campaign,
        at_s,
        segments,
        raised_at_s=round(at_s + random.random() * 2 * storm_s, 3),
        raised_to=random.choice((0, segments + 8)),
    )
