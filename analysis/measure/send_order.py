"""A sender without priorities: OTPs wait in it as long as the messages of another class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.classes import GUARDED_CLASS, messages_of
from analysis.findings import NO_PRIORITY, Difference, Hint
from analysis.formatting import count_text, seconds_text
from analysis.measure.comparison.differences import paired_difference
from analysis.measure.shares.hints import meets_fault
from analysis.read.journeys import Journeys
from analysis.records import Manifest

_WAITED_S = 1.0  # a shorter median is no wait
_FEWEST = 20  # pairs
_NEAR_S = 1.0  # between the two messages of a pair
_MUCH_LESS = 0.25  # of the other class's wait
_ALIKE = 0.25  # spread of the waits over their median: a constant delay, and no queue
_OVERTAKEN = 0.5  # of the OTPs
_IN_QUEUE = 0.5  # of the OTPs' wait


@dataclass(frozen=True)
class _WaitPairs:
    """OTPs, each with the message of another class that the load sent next to it, which waited.

    ``overtaken``: the sender submitted a message of that class in the first half of the OTP's wait.
    ``queued_s``: the part of that wait after the sender's answer, in which a send order can matter.
    """

    otp_s: Floats
    queued_s: Floats
    other_s: Floats
    overtaken: Bools


def otps_wait_like_others(journeys: Journeys, manifest: Manifest) -> Hint | None:
    """The hint for the last class with enough pairs; None if OTPs hardly wait, or much less than it.

    Messages with a fault during their wait do not count: a provider that is down delays all classes.
    """
    names = journeys.load.class_names
    if GUARDED_CLASS not in names or not journeys.journal:
        return None
    outside = ~meets_fault(journeys, manifest, journeys.load.sent_s, _accepted_s(journeys))
    for name in reversed(names[names.index(GUARDED_CLASS) + 1 :]):
        pairs = _pairs(journeys, name, outside)
        if len(pairs.otp_s) >= _FEWEST:
            return _hint(name, pairs)
    return None


def _accepted_s(journeys: Journeys) -> Floats:
    """When the provider accepted each message. A journal may have only the first submit."""
    provider = journeys.provider
    return np.where(provider.accepted, provider.forwarded_s, np.nan)


def _pairs(journeys: Journeys, name: str, outside: Bools) -> _WaitPairs:
    sent_s, accepted_s = journeys.load.sent_s, _accepted_s(journeys)
    # As in the delivery times, only messages that the sender accepted.
    known = journeys.accepted & outside & np.isfinite(sent_s) & np.isfinite(accepted_s)
    otps, others = (_in_order(sent_s, known & journeys.of_class(each)) for each in (GUARDED_CLASS, name))
    if not len(otps) or not len(others):
        return _WaitPairs(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.bool_))
    nearest = others[_nearest(sent_s[otps], sent_s[others])]
    wait_s = accepted_s - sent_s
    chosen = (np.abs(sent_s[nearest] - sent_s[otps]) <= _NEAR_S) & (wait_s[nearest] > _WAITED_S)
    otps, nearest = otps[chosen], nearest[chosen]
    submits_s = np.sort(accepted_s[others])
    half_s = sent_s[otps] + wait_s[otps] / 2
    between = np.searchsorted(submits_s, half_s) - np.searchsorted(submits_s, sent_s[otps], "right")
    queued_s = np.maximum(accepted_s - journeys.load.replied_s, 0.0)
    return _WaitPairs(wait_s[otps], queued_s[otps], wait_s[nearest], between > 0)


def _in_order(sent_s: Floats, among: Bools) -> Ints:
    chosen = np.flatnonzero(among)
    found: Ints = chosen[np.argsort(sent_s[chosen], kind="stable")]
    return found


def _nearest(of_s: Floats, among_s: Floats) -> Ints:
    """For each instant the place of the nearest one in ``among_s``, which is in order."""
    after = np.clip(np.searchsorted(among_s, of_s), 0, len(among_s) - 1)
    before = np.maximum(after - 1, 0)
    earlier = of_s - among_s[before] <= np.abs(among_s[after] - of_s)
    return np.where(earlier, before, after)


def _hint(name: str, pairs: _WaitPairs) -> Hint | None:
    otp_s, other_s = float(np.median(pairs.otp_s)), float(np.median(pairs.other_s))
    low_s, high_s = np.percentile(pairs.other_s, (10.0, 90.0))
    overtaken = int(np.count_nonzero(pairs.overtaken))
    if otp_s <= _WAITED_S or otp_s < (1.0 - _MUCH_LESS) * other_s or high_s - low_s < _ALIKE * other_s:
        return None
    found = paired_difference(pairs.otp_s, pairs.other_s, 50.0)
    if float(np.median(pairs.queued_s)) < _IN_QUEUE * otp_s:
        return None  # they waited for the answer of the API, before the sender could sort them
    if found.low_s < -_MUCH_LESS * other_s or overtaken < _OVERTAKEN * len(pairs.otp_s):
        return None
    them = messages_of(name)
    text = (
        f"OTPs waited in the sender {_compared(found)} {them}: the median OTP {seconds_text(otp_s)}, the "
        f"{them} that came at the same time {seconds_text(other_s)}. {_difference_text(found)} "
        f"({count_text(len(pairs.otp_s))} pairs). While {count_text(overtaken)} of these OTPs waited, the "
        f"sender submitted {them}. Send OTPs first: with a priority, or through a lane of their own."
    )
    return Hint(NO_PRIORITY, text, len(pairs.otp_s))


def _compared(found: Difference) -> str:
    if not found.claimed:
        return "as long as"
    return "longer than" if found.low_s > 0.0 else "nearly as long as"


def _difference_text(found: Difference) -> str:
    ends = f"{seconds_text(found.low_s)} to {seconds_text(found.high_s)}"
    if found.claimed:
        return f"The 95 % interval of the difference is {ends}"
    return f"The 95 % interval of the difference, {ends}, includes zero"
