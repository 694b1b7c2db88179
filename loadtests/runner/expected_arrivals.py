"""How many arrivals of a load were due: from its plan alone, without the workers' counts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from loadtests.arrivals import Plan, Schedule
from loadtests.recording import LoadStatus, combine


def arrivals_due(plan: Plan, statuses: Mapping[int, LoadStatus], workers: int, complete: bool) -> int:
    """The plan's arrivals up to the load's end; all of them if it is ``complete`` (not stopped).

    Workers are stopped one after another: the arrivals of each are due up to its own end. For a worker that
    did not finish they are due up to the last end of any worker.
    """
    load = combine(statuses.values())
    if not load.start_ns:
        return 0
    schedule = Schedule(plan)
    if complete:
        return len(schedule)
    due = 0
    for worker in range(workers):
        status = statuses.get(worker)
        finished = status is not None and status.phase == "finished"
        end_ns = status.end_ns if status is not None and finished else load.end_ns
        share = schedule.intended_ns[worker::workers]
        due += int(np.searchsorted(share, end_ns - load.start_ns, side="right"))
    return due
