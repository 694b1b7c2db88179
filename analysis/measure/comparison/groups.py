"""The delivery times of a group of messages, in the order in which they were due."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.measure.comparison.differences import TimeGroup
from analysis.measure.outcomes import DELIVERED, OPEN, MessageOutcomes
from analysis.read.journeys import Journeys


def group_of(journeys: Journeys, outcomes: MessageOutcomes, among: Bools) -> TimeGroup:
    """The messages that ``outcomes.delivery_ages`` counts.

    An open message has at least its age, a message that the system gave up is infinitely late. Messages that
    the network failed or whose phone was unreachable are left out.
    """
    due_s, final_s = journeys.load.intended_s, journeys.provider.final_s
    delivered = (outcomes.outcome == DELIVERED) & np.isfinite(final_s)
    still_open = outcomes.outcome == OPEN
    low = np.where(delivered, final_s - due_s, np.where(still_open, journeys.end_s - due_s, np.inf))
    high = np.where(delivered, low, np.inf)
    reached = (delivered | still_open) & ~journeys.provider.unreachable
    chosen = np.flatnonzero(among & (reached | outcomes.never))
    chosen = chosen[np.argsort(due_s[chosen], kind="stable")]
    return TimeGroup(low_s=low[chosen], high_s=high[chosen])
