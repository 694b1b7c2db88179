"""How long the sender's backlog lasted after an outage of the provider, from the samples of its queues."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.findings import OutageBacklog
from analysis.read.journeys import Samples

_QUEUE = "queue_"  # begins the names of the samples of a sender's queues, one for each class
_SENDER = "sender"
BEFORE_S = 10.0  # the time before the outage whose highest queue is the level to come back to


def queued(samples: Samples) -> tuple[Floats, Floats]:
    """(instants, messages in all queues of all processes of the sender). Both empty without samples.

    Queues are sampled one after the other: at each instant every one has its last value.
    """
    wanted: dict[tuple[str, str], list[int]] = {}
    for row, (process, name) in enumerate(zip(samples.process, samples.name, strict=True)):
        if process.startswith(_SENDER) and name.startswith(_QUEUE):
            wanted.setdefault((process, name), []).append(row)
    rows = [row for found in wanted.values() for row in found]
    instants: Floats = np.unique(samples.at_s[rows])
    total: Floats = np.zeros(len(instants))
    for found in wanted.values():
        order = np.argsort(samples.at_s[found], kind="stable")
        at_s, value = samples.at_s[found][order], samples.value[found][order]
        last = np.searchsorted(at_s, instants, side="right") - 1
        total += np.where(last < 0, 0.0, value[np.maximum(last, 0)])
    return instants, total


def backlog_after(
    at_s: Floats, messages: Floats, from_s: float, to_s: float, until_s: float = np.inf
) -> OutageBacklog | None:
    """The sender's queue after an outage from ``from_s`` to ``to_s``. ``at_s`` is in ascending order.

    The backlog is gone at the first sample with no more messages than the highest sample of the ten seconds
    before the outage. If the first sample after the outage is that one, there was no backlog. ``until_s``:
    when the next outage begins; its backlog is not told from this one's, so a backlog that lasts until then
    is unknown. None without samples before the outage or after it.
    """
    before: Bools = (at_s >= from_s - BEFORE_S) & (at_s <= from_s)
    after: Bools = (at_s >= to_s) & (at_s < until_s)
    if not before.any() or not after.any():
        return None
    level = float(messages[before].max())
    later_s, waiting = at_s[after], messages[after]
    gone = np.flatnonzero(waiting <= level)
    if not len(gone) and np.isfinite(until_s):
        return None
    gone_s = None
    if len(gone):
        gone_s = float(later_s[gone[0]] - to_s) if gone[0] else 0.0
    return OutageBacklog(
        level=round(level), gone_s=gone_s, left=round(float(waiting[-1])), watched_s=float(later_s[-1] - to_s)
    )
