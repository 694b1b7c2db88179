"""Which unseen messages a sender left out, and which it may still have had when the run ended.

A sender that was still submitting when the run ended had not finished its queue. Only its queue's rest may be
there: a message is left out if a later one of its class was forwarded.
"""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.read.journeys import Journeys

_IN_SEQUENCE_S = 2.0  # concurrent submits change the order of messages by less
_STILL_SUBMITTING_S = 2.0  # before the end of the run, or the time of some submits if that is longer
_SUBMITS = 5
_RECENT = 20  # submits that show the usual time between two


def skipped(journeys: Journeys, unaccounted: Bools) -> Bools:
    """Messages that the sender did not forward, although it forwarded a later one of the class some time
    before the end.

    They wait in no queue. Those after the last forwarded one may be in its queue.
    """
    found: Bools = np.zeros(journeys.count, dtype=np.bool_)
    due_s = journeys.load.intended_s
    for name in journeys.load.class_names if unaccounted.any() else ():
        among = journeys.of_class(name)
        sent: Bools = among & (journeys.provider.submitted_s < journeys.end_s - _IN_SEQUENCE_S)
        last_s = due_s[sent & journeys.accepted].max(initial=-np.inf)
        found |= among & unaccounted & (due_s < last_s)
    return found


def still_held(journeys: Journeys, unaccounted: Bools) -> Bools:
    """Messages that a sender without rows may have forwarded if the wait after the load had been longer."""
    if journeys.sender.present or not unaccounted.any() or not submits_to_the_end(journeys):
        return np.zeros(journeys.count, dtype=np.bool_)
    held: Bools = unaccounted & ~skipped(journeys, unaccounted)
    return held


def submits_to_the_end(journeys: Journeys) -> bool:
    """Whether the sender had not finished its queue when the run ended."""
    # The first submit of each message, and the one that was accepted, which may be a repeat.
    submitted_s = np.concatenate((journeys.provider.submitted_s, journeys.provider.accepted_s))
    instants = np.unique(submitted_s[np.isfinite(submitted_s)])
    if not len(instants):
        return False
    recent = instants[-_RECENT:]
    usual_s = float(np.median(np.diff(recent))) if len(recent) > 1 else 0.0
    return bool(instants[-1] >= journeys.end_s - max(_STILL_SUBMITTING_S, _SUBMITS * usual_s))
