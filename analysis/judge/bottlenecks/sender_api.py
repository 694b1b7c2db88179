"""The sender's API: requests wait for its answer or are refused, although its process has CPU time left."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.formatting import count_text, seconds_text, significant
from analysis.judge.bottlenecks import submits
from analysis.judge.bottlenecks.kind import Description, Kind, Seen, over, strength, typical
from analysis.judge.bottlenecks.sender_process import PROCESSES
from analysis.judge.bottlenecks.view import View
from analysis.measure.throughput import QUEUED_S, REFUSED_SHARE
from analysis.read.journeys import OUTCOMES


def look(view: View) -> Seen:
    planned = view.windows.counts(view.due_s, view.everyone)
    left = view.windows.counts(view.due_s, view.not_taken)
    refusing = left > REFUSED_SHARE * planned
    api_s = view.windows.percentile(view.due_s, view.api_s, view.everyone, 50.0)
    slow = over(api_s, QUEUED_S)

    def describe(windows: Bools) -> Description:
        evidence = [*_counts(view)]
        if slow[windows].any():
            median = typical(api_s, windows)
            waited = (
                f"waited {seconds_text(median)} for its answer" if np.isfinite(median) else "got no answer"
            )
            evidence.append(f"the median request {waited}")
        at_s, in_flight = view.gauges.gauges.series("load", "in_flight")
        if len(at_s):
            evidence.append(
                f"up to {count_text(int(in_flight.max()))} requests waited for it at the same time"
            )
        used, _ = view.gauges.busiest("cpu_percent", *PROCESSES)
        if not np.isnan(typical(used, windows)):
            evidence.append(f"its process used {significant(typical(used, windows), 2)} % of a core")
        _, most, busy = submits.unanswered(view)
        evidence.append(
            f"it had at most {significant(typical(most, windows), 2)} concurrent provider calls, and "
            f"at least one {100 * typical(busy, windows):.0f} % of the time"
        )
        name = view.sender_name
        what = "answers too slowly" if slow[windows].any() else "refuses messages"
        return f"{name}'s API {what}", tuple(evidence)

    # Weaker than the kinds that name a cause: it shows where messages are delayed and not why.
    return Seen(strength((refusing & (left >= 1)) | slow, 0.8), describe)


def _counts(view: View) -> list[str]:
    outcome = view.load.outcome
    found = []
    for name, words in (
        ("refused", "refused"),
        ("failed", "failed or timed out"),
        ("unfinished", "unanswered"),
    ):
        count = int(np.count_nonzero(outcome == OUTCOMES.index(name)))
        if count:
            found.append(f"{count_text(count)} {words}")
    count = int(np.count_nonzero(view.dropped_by_target))
    if count:
        slots = view.given.in_flight_limit
        which = f"all {count_text(slots)} requests" if slots else "all requests"
        found.append(f"{count_text(count)} not sent because {which} of the load waited for an answer")
    return [f"of {count_text(view.journeys.count)} messages: {', '.join(found)}"] if found else []


API = Kind("sender_api", look)
