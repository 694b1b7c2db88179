"""Which unseen messages a sender left out, and which it may still have had when the run ended.

A sender that was still submitting when the run ended had not finished its queue. Only its queue's rest may be
there: a message is left out if a later one of its class was forwarded.
"""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.formatting import counted_text
from analysis.measure.forwarding import submits_to_the_end
from analysis.read.journeys import Journeys

_IN_SEQUENCE_S = 2.0  # concurrent submits change the order of messages by less


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


def never_reached(count: int, unknown: int) -> str:
    """``60 messages never reached the provider``. Some of them may be among the ``unknown`` ones, which came
    with keys that the load did not send.
    """
    return f"{counted_text(count)} never reached the provider{under_keys(count) if unknown else ''}"


def under_keys(count: int) -> str:
    """`` under their keys``."""
    return " under its key" if count == 1 else " under their keys"
