"""Whether a part sustained its load: the messages were taken, none was lost, and the backlog did not grow.

The backlog shows neither messages that the sender refused nor those that it gave up or lost.
"""

from __future__ import annotations

import numpy as np

from analysis.judge.not_taken import NOT_TAKEN_SHARE, many_not_taken
from analysis.measure.outcomes import MessageOutcomes, given_up
from analysis.model import Accounting
from analysis.read.journeys import Journeys


def sustained(
    counted: Accounting, grew: bool | None, journeys: Journeys, outcomes: MessageOutcomes, waited_out: bool
) -> bool | None:
    """None if it is unknown."""
    lost = many_lost(counted, journeys, outcomes, waited_out)
    if grew or lost or many_not_taken(counted):
        return False
    return None if grew is None or lost is None else True


def many_lost(
    counted: Accounting, journeys: Journeys, outcomes: MessageOutcomes, waited_out: bool
) -> bool | None:
    """Whether over ``NOT_TAKEN_SHARE`` of the messages were given up, lost or unaccounted. None: unknown.

    Not those that no sender could have delivered, and not those that came without their key: the provider
    got these. Unknown are messages that may still be repeated. If the wait after the load ended early, or the
    sender forwarded none, it may still have those that the provider has not seen.
    """
    unseen = outcomes.unaccounted & ~outcomes.still_held
    certain = outcomes.never | given_up(journeys, outcomes)
    possible = certain | outcomes.given_up | outcomes.to_repeat | unseen
    if waited_out and journeys.provider.accepted.any():
        certain = certain | unseen
    most = NOT_TAKEN_SHARE * counted.planned
    if np.count_nonzero(certain) > most:
        return True
    return None if np.count_nonzero(possible) > most else False
