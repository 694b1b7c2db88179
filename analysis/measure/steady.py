"""The steady part of a load: growth of the backlog, and throughput.

A message is *through* if it left every queue (the carrier has it) or the provider finally refused it.
Messages that the sender did not accept never get through. The backlog is the due messages that are not
through. Both counts are taken on a grid and averaged over ten blocks of the steady part: the last 60 % of the
load, or less if the throughput still changed in it. A line through the ten means is fitted by least squares;
its slope has a 95 % interval from the residuals (Student's t, 8 degrees of freedom). Slow variations of the
backlog have correlated residuals, which make the interval too narrow. So growth must also exceed
``GROWTH_SHARE`` of the offered rate, and ``GROWTH_MESSAGES`` in the window.
"""

from __future__ import annotations

import math

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.read.journeys import Journeys
from analysis.records import Steady

FROM_SHARE = 0.4  # the load before it is warm-up: full token buckets, caches, connections
LATER_SHARES = (0.6, 0.75)  # if a reserve lasted longer
BETTER = 2.0  # factor by which the interval must be narrower
BLOCKS = 10
FEWEST = 40  # messages due in the steady part; with fewer, a single message makes a slope
GROWTH_SHARE = 0.01
GROWTH_MESSAGES = 5.0
_POINTS = 20  # of the grid, in each block
_T_95 = 2.306  # Student's t, 8 degrees of freedom, two-sided 95 %
_QUICK = 5.0  # percentile of the waits that counts as the time without a queue


def steady_of(journeys: Journeys) -> Steady | None:
    """None without a provider journal, or with too few messages."""
    if not journeys.journal:
        return None
    return steady(journeys.load.intended_s, through_instants_s(journeys), journeys.load_end_s)


def through_instants_s(journeys: Journeys) -> Floats:
    """When each message left every queue, seconds; NaN if it did not."""
    provider = journeys.provider
    # A journal may lack the carrier's timestamp. The message's end is later only by the radio's time.
    left = np.where(np.isfinite(provider.carrier_s), provider.carrier_s, provider.final_s)
    # It is not sent again.
    refused: Bools = ~np.isfinite(left) & provider.refused_permanently
    return np.where(refused, provider.submitted_s, left)


def steady(intended_s: Floats, through_s: Floats, load_end_s: float) -> Steady | None:
    """Times in seconds after the load's start; ``through_s``: NaN if a message did not get through."""
    due = np.sort(intended_s[np.isfinite(intended_s)])
    if load_end_s <= 0 or np.count_nonzero(due >= FROM_SHARE * load_end_s) < FEWEST:
        return None
    left = np.sort(through_s[np.isfinite(through_s)])
    start_s = _steady_from_s(left, load_end_s)
    window_s = load_end_s - start_s
    grid = _grid(start_s, load_end_s)
    came, gone = _counted(due, grid), _counted(left, grid)
    growth, growth_low, growth_high, _ = _line(grid, came - gone)
    through, through_low, through_high, at_zero = _line(grid, gone)
    offered = len(due) / load_end_s
    tolerated = max(GROWTH_SHARE * offered, GROWTH_MESSAGES / window_s)
    return Steady(
        from_s=start_s,
        to_s=load_end_s,
        offered_per_s=offered,
        through_per_s=max(through, 0.0),
        through_low_per_s=max(through_low, 0.0),
        through_high_per_s=max(through_high, 0.0),
        through_error_per_s=_random_error(grid, gone),
        growth_per_s=growth,
        growth_low_per_s=growth_low,
        growth_high_per_s=growth_high,
        backlog=float(came[-1] - gone[-1]),
        reserve=max(0.0, at_zero + through * _quick_s(intended_s, through_s)),
        sustained=False if growth_low > tolerated else True if growth_high <= tolerated else None,
    )


def _steady_from_s(left: Floats, load_end_s: float) -> float:
    """Where the steady part begins. It begins later if a line fits the last part clearly better."""
    best_s, narrowest = FROM_SHARE * load_end_s, math.inf
    for share in (FROM_SHARE, *LATER_SHARES):
        grid = _grid(share * load_end_s, load_end_s)
        _, low, high, _ = _line(grid, _counted(left, grid))
        if high - low < narrowest / BETTER:
            best_s, narrowest = share * load_end_s, high - low
    return best_s


def _grid(start_s: float, end_s: float) -> Floats:
    points = BLOCKS * _POINTS
    return start_s + (np.arange(points, dtype=np.float64) + 0.5) * ((end_s - start_s) / points)


def _counted(ordered_s: Floats, at_s: Floats) -> Floats:
    """How many had happened by these instants."""
    return np.searchsorted(ordered_s, at_s, side="right").astype(np.float64)


def _quick_s(intended_s: Floats, through_s: Floats) -> float:
    wait_s = through_s - intended_s
    wait_s = wait_s[np.isfinite(wait_s)]
    return float(np.percentile(wait_s, _QUICK)) if len(wait_s) else 0.0


def _line(at_s: Floats, count: Floats) -> tuple[float, float, float, float]:
    """(slope, its 95 % interval's ends, value at zero) of the line through the block means."""
    x = at_s.reshape(BLOCKS, _POINTS).mean(axis=1)
    y = count.reshape(BLOCKS, _POINTS).mean(axis=1)
    spread = x - x.mean()
    squares = float((spread**2).sum())
    slope = float((spread * (y - y.mean())).sum()) / squares
    residual = y - y.mean() - slope * spread
    error = float(np.sqrt((residual**2).sum() / (BLOCKS - 2) / squares))
    return slope, slope - _T_95 * error, slope + _T_95 * error, float(y.mean() - slope * x.mean())


def _random_error(at_s: Floats, count: Floats) -> float:
    """The standard error of the slope of a count that is a random walk: departures of a server with random
    times that always has work.

    The steps between the block means of such a walk have 2/3 of its variance in a block's time, and the slope
    through it has 6/5 of its variance over the time (its residuals are not independent).
    """
    steps = np.diff(count.reshape(BLOCKS, _POINTS).mean(axis=1))
    block_s = float(at_s[-1] - at_s[0]) / BLOCKS
    return math.sqrt(1.2 * 1.5 * float(steps.var(ddof=1)) / block_s / (BLOCKS * block_s))
