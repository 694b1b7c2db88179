"""A sender with a quota of messages in each period: *at most 500 in each 20 s*.

It forwards messages until the quota is used, and nothing until the next period. So equal numbers are
forwarded between its pauses, and the pauses end at equal intervals. A sender that sleeps at intervals also
has equal numbers if the load is even. But it sleeps for equally long, and has forwarded what it had before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.measure.pauses import Pause
from analysis.read.journeys import Journeys

FEWEST_PAUSES = 3  # two whole periods between them
_COUNTS_DIFFER = (
    0.005  # share of the quota, at least one message: that of a request which is counted elsewhere
)
_PERIODS_DIFFER = 0.05  # share of the period
_LENGTHS_DIFFER = 0.2  # share of the longest pause
_FEWEST_WAITING = 5  # messages


@dataclass(frozen=True)
class Quota:
    """At most ``messages`` in each ``period_s``. ``counts``: forwarded before each of the pauses."""

    messages: int
    period_s: float
    counts: tuple[int, ...]

    @property
    def per_s(self) -> float:
        return self.messages / self.period_s


def quota(journeys: Journeys, pauses: Sequence[Pause]) -> Quota | None:
    """The quota that these pauses show. The first period may have begun before the load."""
    if len(pauses) < FEWEST_PAUSES:
        return None
    ends_s: Floats = np.array([each.to_s for each in pauses])
    lengths_s: Floats = ends_s - np.array([each.from_s for each in pauses])
    periods_s = np.diff(ends_s)
    period_s = float(np.median(periods_s))
    if np.abs(periods_s - period_s).max() > _PERIODS_DIFFER * period_s:
        return None
    used_up = lengths_s.max() - lengths_s.min() > _LENGTHS_DIFFER * lengths_s.max()
    if not (used_up or all(_waiting(journeys, each.from_s) >= _FEWEST_WAITING for each in pauses)):
        return None
    provider = journeys.provider
    for instants_s in (provider.submitted_s, provider.accepted_s):
        first, *whole = counts = _before_each(instants_s, pauses).tolist()
        most = max(whole)
        if max(first, most) - min(whole) <= max(1.0, _COUNTS_DIFFER * most):
            return Quota(messages=most, period_s=period_s, counts=tuple(counts))
    return None


def _before_each(instants_s: Floats, pauses: Sequence[Pause]) -> Ints:
    """The number of instants from the end of one pause to the beginning of the next."""
    ordered = np.sort(instants_s[np.isfinite(instants_s)])
    middles = [(each.from_s + each.to_s) / 2 for each in pauses]
    return np.diff(np.searchsorted(ordered, middles), prepend=0)


def _waiting(journeys: Journeys, at_s: float) -> int:
    """The messages that the sender had, and had not forwarded after this instant."""
    accepted: Bools = journeys.accepted & (journeys.load.replied_s <= at_s)
    return int(np.count_nonzero(accepted & (journeys.provider.submitted_s > at_s)))
