"""Draws bursts: many marketing messages on slow routes, and OTPs that come while these wait.

The draws are independent of the others, so that a seed keeps these.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from msgspec.structs import replace

from loadtests.storm.fault import BURST, Call
from loadtests.storm.plan_parts import RoutePlan
from reference_sender.dispatch.values import Lane

_SHARE = 0.25  # of all storms
_OTPS = 5
_OTPS_WITHIN_S = 4.0


def draw_burst(
    seed: int, storm_s: float, calls: tuple[Call, ...], routes: Iterable[RoutePlan]
) -> tuple[tuple[Call, ...], tuple[RoutePlan, ...]]:
    """``calls``, and in some storms those of a burst; ``routes``, which are then slow."""
    random = Random(f"{seed} burst")
    if random.random() >= _SHARE:
        return calls, tuple(routes)
    in_flight = random.choice((1, 2))
    slow = tuple(
        replace(route, requests_per_s=5, max_batch=min(5, route.max_batch), max_in_flight=in_flight)
        for route in routes
    )
    first = len(calls)
    at_s = round(random.random() * storm_s, 3)
    bulk = Call(
        first,
        at_s,
        Lane.MARKETING,
        BURST,
        "Shop",
        places=tuple(range(random.randint(20, 40))),
        valid_s=1_800.0,
        segments=1,
        together=True,
    )
    return (*calls, bulk, *(_otp(random, first + 1 + place, at_s) for place in range(_OTPS))), slow


def _otp(random: Random, number: int, burst_s: float) -> Call:
    return Call(
        number,
        round(burst_s + random.random() * _OTPS_WITHIN_S, 3),
        Lane.OTP,
        random.choice(("", BURST)),
        "Shop",
        places=(0,),
        valid_s=300.0,
        segments=random.choice((1, 2)),
        together=False,
    )
