"""The instant at which a sender stopped forwarding messages, and whether it was submitting to the end.

Forwarding stopped if no message was submitted for the first time, or accepted, from some instant of the load
to the end of the observation, although the sender accepted messages after it: much longer than the usual time
between two submits, and longer than any earlier pause. A sender that drops single messages forwards others
until the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.findings import FaultBand
from analysis.measure.pauses import EXPECTED, PAUSE_S
from analysis.measure.request_faults import delay_to_the_end
from analysis.measure.silence import FEWEST, explained
from analysis.read.gauges import Gauges
from analysis.read.journeys import Journeys

LONGER = 1.5  # times any earlier pause
STILL_SUBMITTING_S = 2.0  # before the end of the run, or the time of some submits if that is longer
_SUBMITS = 5
_RECENT = 20  # submits that show the usual time between two
_NO_ANSWER = ("no_reply", "disconnected")  # reasons of a submit that the provider did not answer


@dataclass(frozen=True)
class ForwardingStop:
    at_s: float  # the last submit that was the first of its message, or that was accepted
    later: int  # messages that the sender accepted after it, and that the provider has not seen
    accepted: bool  # the provider accepted that submit
    answered: bool
    reason: str  # of its refusal


def forwarding_stop(
    journeys: Journeys, unaccounted: Bools, faults: Sequence[FaultBand]
) -> ForwardingStop | None:
    """None if most of the ``unaccounted`` messages came earlier, or if bench, machine or a fault of the
    provider that delays requests to the end explains it.
    """
    if not unaccounted.any() or delay_to_the_end(faults, journeys.end_s):
        return None
    provider, submits_s = journeys.provider, _submits_s(journeys)
    if not np.isfinite(submits_s).any():
        return None
    place = int(np.nanargmax(submits_s))
    at_s = float(submits_s[place])
    later = int(np.count_nonzero(unaccounted & (journeys.load.replied_s > at_s)))
    if at_s >= journeys.load_end_s or later < FEWEST or 2 * later < int(np.count_nonzero(unaccounted)):
        return None
    until_s = np.unique(submits_s[np.isfinite(submits_s)])
    longest_s = float(np.diff(until_s).max(initial=0.0))
    least_s = max(PAUSE_S, EXPECTED * at_s / len(until_s), STILL_SUBMITTING_S, LONGER * longest_s)
    if journeys.end_s - at_s < least_s or explained(journeys, at_s, journeys.end_s, waited=True):
        return None
    accepted = bool(provider.accepted[place])
    index = int(provider.reason.index[place])
    reason = "" if accepted or index < 0 else provider.reason.names[index]
    return ForwardingStop(at_s, later, accepted, reason not in _NO_ANSWER, reason)


def _submits_s(journeys: Journeys) -> Floats:
    """The first submit of each message, or the one that was accepted, which may be a repeat."""
    provider = journeys.provider
    found: Floats = np.fmax(provider.submitted_s, provider.accepted_s)
    return found


def submits_to_the_end(journeys: Journeys) -> bool:
    """Whether the sender had not finished its queue when the run ended.

    The provider's rows have no instant of a repeat that is refused, but its counter of requests has it.
    """
    provider = journeys.provider
    submitted_s = np.concatenate((provider.submitted_s, provider.accepted_s))
    instants = np.unique(submitted_s[np.isfinite(submitted_s)])
    if not len(instants):
        return False
    recent = instants[-_RECENT:]
    usual_s = float(np.median(np.diff(recent))) if len(recent) > 1 else 0.0
    last_s = max(float(instants[-1]), _last_request_s(journeys))
    return bool(last_s >= journeys.end_s - max(STILL_SUBMITTING_S, _SUBMITS * usual_s))


def _last_request_s(journeys: Journeys) -> float:
    """The sample before the last rise of the provider's counter; minus infinity without one."""
    at_s, count = Gauges(journeys.samples, journeys.end_s).series("provider", "count_requests")
    rises = np.flatnonzero(np.diff(count) > 0)
    return float(at_s[rises[-1]]) if len(rises) else -np.inf
