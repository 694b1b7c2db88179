"""The load of one trial: a steady rate for some seconds."""

from __future__ import annotations

import math
from typing import Literal

from loadtests.arrivals import Constant, RateStep, Steps
from loadtests.arrivals.processes import Process

Spacing = Literal["poisson", "even"]
_STEP_S = 1.0


def trial_process(rate_per_s: float, load_s: float, spacing: Spacing) -> Process:
    """``poisson``: arrivals at random within each second, and the same number in each.

    The rate of a load that is random over its whole length varies: at 300/s for 8 s by 2 % (1/sqrt(2400)),
    as much as the search must distinguish. With a fixed count in each second it does not.
    """
    if spacing == "even":
        return Constant(rate_per_s, load_s)
    whole = max(1, math.floor(load_s / _STEP_S))
    rest_s = load_s - whole * _STEP_S
    steps = [RateStep(rate_per_s, _STEP_S)] * whole
    if rest_s > 0:
        steps.append(RateStep(rate_per_s, rest_s))
    return Steps(tuple(steps), spacing="poisson")
