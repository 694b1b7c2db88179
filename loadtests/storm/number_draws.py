"""Draws the recipients that providers refuse: landlines, and numbers that get too many messages.

The draws are independent of the others, so that a seed keeps these.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from msgspec.structs import replace

from loadtests.storm.fault import Call
from loadtests.storm.plan_parts import RoutePlan

_LANDLINES = 0.25  # of all storms
_FLOOD_LIMITS = 0.2


def draw_numbers(
    seed: int, calls: Iterable[Call], routes: Iterable[RoutePlan]
) -> tuple[tuple[Call, ...], tuple[RoutePlan, ...]]:
    """``calls`` and ``routes``. In some storms each call may have landlines. In some, providers accept only a
    few messages to one number within a time, and some calls have one number, or two.
    """
    random = Random(f"{seed} numbers")
    has_landlines = random.random() < _LANDLINES
    has_limits = random.random() < _FLOOD_LIMITS
    calls = tuple(replace(call, landlines=has_landlines) for call in calls)
    routes = tuple(routes)
    if has_limits:
        calls = tuple(_to_few_numbers(random, call) for call in calls)
        limit = random.choice((1, 2))
        routes = tuple(replace(route, flood_limit=limit) for route in routes)
    return calls, routes


def _to_few_numbers(random: Random, call: Call) -> Call:
    if call.once or random.random() >= 0.5:
        return call
    return replace(call, distinct=2) if call.together else replace(call, to_one=True)
