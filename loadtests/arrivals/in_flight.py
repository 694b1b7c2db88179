"""The number of requests that a load can have in flight at once: the arrivals that are due while a target may
still answer.
"""

from __future__ import annotations

import numpy as np

from loadtests.arrays import InstantsNs
from loadtests.arrivals.processes import NS_PER_S

FEWEST_IN_FLIGHT = 64
# The check for requests past the target's timeout runs about once a second.
_LOOKED_FOR_S = 2.0


def in_flight_limit(intended_ns: InstantsNs, timeout_s: float) -> int:
    """The most arrivals that are due within ``timeout_s`` plus the interval of its check. ``intended_ns``
    ascends.

    With a lower limit an arrival could be dropped although no earlier request had timed out. A worker lowers
    it to what its machine can hold (``loadtests.users.in_flight_room``).
    """
    span_ns = round((timeout_s + _LOOKED_FOR_S) * NS_PER_S)
    ends = np.searchsorted(intended_ns, intended_ns + span_ns, side="right")
    most = int((ends - np.arange(len(intended_ns))).max()) if len(intended_ns) else 0
    return max(most, FEWEST_IN_FLIGHT)
