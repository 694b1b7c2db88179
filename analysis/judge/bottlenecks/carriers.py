"""A carrier accepts messages more slowly than they arrive."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.formatting import count_text, seconds_text
from analysis.judge.bottlenecks.kind import Description, Kind, Seen, strength, typical
from analysis.judge.bottlenecks.provider_limit import accept_wait_s
from analysis.judge.bottlenecks.symptoms import slow_carriers
from analysis.judge.bottlenecks.view import View
from analysis.measure.throughput import QUEUED_S


def look(view: View) -> Seen:
    slow = slow_carriers(view)
    seen: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    for waits in slow.values():
        seen |= ~np.isnan(waits)
    # If all carriers have the same wait, it is the wait in the accept queue before them.
    alike = len(slow) > 1 or len(view.provider.carrier.names) == 1
    if alike:
        seen &= ~(accept_wait_s(view) > QUEUED_S)

    def describe(windows: Bools) -> Description:
        evidence = []
        waits = {name: typical(values, windows) for name, values in slow.items()}
        waits = {name: wait_s for name, wait_s in waits.items() if not np.isnan(wait_s)}
        worst = sorted(waits, key=lambda name: -waits[name])
        for name in worst[:3]:
            among = view.provider.carrier.index == view.provider.carrier.names.index(name)
            evidence.append(
                f"{name}: {count_text(int(np.count_nonzero(among)))} messages, "
                f"median wait {seconds_text(waits[name])}"
            )
        others = [name for name in view.provider.carrier.names if name not in waits]
        if others:
            evidence.append(f"no such wait at {', '.join(others[:5])}")
        return f"the queue of the carrier {' and '.join(worst[:2])}", tuple(evidence)

    return Seen(strength(seen, 0.95), describe)


CARRIER = Kind("carrier_queue", look)
