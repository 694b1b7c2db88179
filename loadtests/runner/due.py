"""How many arrivals a load owed: from its plan alone, whatever its workers counted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from loadtests.arrivals import Plan, Schedule
from loadtests.recording import LoadStatus, combine


def arrivals_due(plan: Plan, statuses: Mapping[int, LoadStatus], workers: int, played_out: bool) -> int:
    """The plan's arrivals up to the load's end; all of them where it ``played_out``, not having been stopped.

    Workers are stopped one after another: each owes its share up to its own end. One that did not finish owes
    it up to the last end there is.
    """
    load = combine(statuses.values())
    if not load.start_ns:
        return 0
    schedule = Schedule(plan)
    if played_out:
        return len(schedule)
    due = 0
    for worker in range(workers):
        status = statuses.get(worker)
        finished = status is not None and status.phase == "finished"
        end_ns = status.end_ns if status is not None and finished else load.end_ns
        share = schedule.intended_ns[worker::workers]
        due += int(np.searchsorted(share, end_ns - load.start_ns, side="right"))
    return due
