"""Draws which messages are stored once, and which are duplicates of others."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from msgspec.structs import replace

from loadtests.storm.fault import Call


def draw_duplicates(random: Random, calls: Iterable[Call]) -> tuple[Call, ...]:
    """``calls``, of which some requests of a campaign are stored once. Some of these have a number twice, or
    the numbers and the text of an earlier one of the campaign.
    """
    drawn: list[Call] = []
    for call in calls:
        if call.together and call.campaign and random.random() < 0.4:
            call = replace(call, once=True, distinct=random.choice((0, 0, 2)))
            earlier = [each for each in drawn if each.once and each.campaign == call.campaign]
            if earlier and random.random() < 0.6:
                # An earlier one may itself have the numbers of another: then these have one text already.
                other = random.choice(earlier)
                owner = other.number if other.numbers_of is None else other.numbers_of
                call = replace(call, numbers_of=owner, segments=other.segments)
        drawn.append(call)
    return tuple(drawn)
