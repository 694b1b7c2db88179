"""When the sender forwarded nothing although it had accepted messages to forward.

A pause is the time between two requests to the provider, at least ``PAUSE_S``, in which ``FEWEST`` messages
waited in the sender for over ``PAUSE_S``. It begins when every earlier request has its answer. It is much
longer than the usual time between two requests: a sender with a constant delay or a low rate has no pause. A
sender that was refused for a limit immediately before waits for a reason, and the bench or the machine may
explain the time as they explain a silence of the API (``silence``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.measure.silence import FEWEST, SILENT_S, explained
from analysis.read.journeys import Journeys

PAUSE_S = SILENT_S
EXPECTED = 15.0  # requests in a pause at the sender's mean rate: random requests hardly ever leave such a gap
_REFUSED_S = 1.0  # a refusal this short before a pause may be its reason


@dataclass(frozen=True)
class Pause:
    from_s: float
    to_s: float
    waiting: int  # messages that the sender had for over PAUSE_S when it ended, not yet submitted


def pauses(journeys: Journeys) -> tuple[Pause, ...]:
    """The pauses that ended in the load or after it, of a sender whose provider has rows."""
    load, provider = journeys.load, journeys.provider
    requests_s = _instants(np.append(provider.submitted_s, provider.accepted_s))
    if not journeys.journal or len(requests_s) < 2 or journeys.load_end_s <= 0:
        return ()
    under_load = int(np.count_nonzero(requests_s <= journeys.load_end_s))
    least_s = max(PAUSE_S, EXPECTED * journeys.load_end_s / max(under_load, 1))
    known: Bools = np.isfinite(provider.answered_s) & np.isfinite(provider.accepted_s)
    ordered = np.argsort(provider.accepted_s[known])
    accepted_s = provider.accepted_s[known][ordered]
    answered_s = np.maximum.accumulate(provider.answered_s[known][ordered])
    refused_s = np.sort(provider.submitted_s[(provider.throttled > 0) & np.isfinite(provider.submitted_s)])
    found = []
    for place in np.flatnonzero(np.diff(requests_s) >= least_s).tolist():
        last_s, to_s = float(requests_s[place]), float(requests_s[place + 1])
        if last_s > journeys.load_end_s:
            break
        before = int(np.searchsorted(accepted_s, last_s, side="right"))
        from_s = max(last_s, float(answered_s[before - 1])) if before else last_s
        if to_s - from_s < least_s or _refused_before(refused_s, last_s):
            continue
        waits: Bools = journeys.accepted & (load.replied_s <= to_s - PAUSE_S)
        waits &= ~(provider.submitted_s < to_s)
        waiting = int(np.count_nonzero(waits & np.isfinite(provider.submitted_s)))
        if waiting >= FEWEST and not explained(journeys, from_s, to_s, waited=True):
            found.append(Pause(from_s, to_s, waiting))
    return tuple(found)


def _instants(at_s: Floats) -> Floats:
    found: Floats = np.unique(at_s[np.isfinite(at_s)])
    return found


def _refused_before(refused_s: Floats, at_s: float) -> bool:
    first = int(np.searchsorted(refused_s, at_s - _REFUSED_S))
    return bool(np.searchsorted(refused_s, at_s, side="right") > first)
