"""A carrier accepts messages more slowly than they arrive."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.formatting import count_text
from analysis.judge.bottlenecks.contract import carriers_without_limit, contract_of
from analysis.judge.bottlenecks.kind import Description, Kind, KindFinding, over, strength, typical
from analysis.judge.bottlenecks.provider_limit import accept_wait_s, shared_queue_wait_s
from analysis.judge.bottlenecks.symptoms import slow_carriers
from analysis.judge.bottlenecks.view import View
from analysis.judge.bottlenecks.waits import at_carriers
from analysis.measure.throughput import QUEUED_S

_CLEARLY = 1.5  # times the wait that all carriers have
_NAMED_FROM = 0.5  # of the longest wait; carriers with a shorter one are not named
_MOST_NAMED = 3


def find_carrier_queue(view: View) -> KindFinding:
    """Strength: the carriers' share of the waits in sender and carriers.

    If all carriers have the same wait and the accept queue is at its rate, they have it in that queue. A
    carrier without a limit has no queue, unless a fault holds its messages: the wait before it is the accept
    queue's.
    """
    unlimited = () if view.holding_faults else carriers_without_limit(view.given.profile)
    slow = {name: waits for name, waits in slow_carriers(view).items() if name not in unlimited}
    if contract_of(view.given.profile).drain_segments_per_s is not None:
        shared_s = shared_queue_wait_s(view)
        before_all_s = np.where(np.isnan(shared_s), accept_wait_s(view), shared_s)
        least_s = np.maximum(_CLEARLY * before_all_s, before_all_s + QUEUED_S)
        slow = {name: np.where(over(waits - least_s, 0.0), waits, np.nan) for name, waits in slow.items()}
    seen: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    for waits in slow.values():
        seen |= ~np.isnan(waits)

    def describe(windows: Bools) -> Description:
        evidence = []
        waits = {name: typical(values, windows) for name, values in slow.items()}
        waits = {name: wait_s for name, wait_s in waits.items() if not np.isnan(wait_s)}
        worst = sorted(waits, key=lambda name: -waits[name])
        for name in worst[:_MOST_NAMED]:
            among = view.provider.carrier.index == view.provider.carrier.names.index(name)
            evidence.append(
                f"{name}: {count_text(int(np.count_nonzero(among)))} messages, "
                f"median wait {at_carriers(view, among, windows & ~np.isnan(slow[name]))}"
            )
        others = [name for name in view.provider.carrier.names if name not in waits]
        if others:
            evidence.append(f"no such wait at {', '.join(others[:5])}")
        named = [name for name in worst if waits[name] >= _NAMED_FROM * waits[worst[0]]]
        carriers = _names_text(named)
        queues = "the queue of" if len(named) == 1 else "the queues of"
        return Description(f"{queues} {carriers}", tuple(evidence), subject=carriers)

    return KindFinding(strength(seen, 0.95 * _share_of_waits(view)), describe)


def _share_of_waits(view: View) -> Floats:
    """The share of the waits for carriers in the waits in sender and carriers, in each window."""
    sender_s, carrier_s = (_total_s(view, each) for each in (view.sender_wait_s, view.carrier_wait_s))
    return carrier_s / np.maximum(sender_s + carrier_s, 1e-9)


def _total_s(view: View, waits_s: Floats) -> Floats:
    """The sum of each window. A message that still waits counts until the end of the observation."""
    place = view.windows.of(view.due_s)
    chosen = (place >= 0) & ~np.isnan(waits_s)
    until_end_s = np.maximum(view.journeys.end_s - view.due_s, 0.0)
    known_s = np.where(np.isfinite(waits_s), waits_s, until_end_s)
    sums = np.bincount(place[chosen], weights=known_s[chosen], minlength=view.windows.count)
    return np.asarray(sums, dtype=np.float64)


def _names_text(names: list[str]) -> str:
    shown = names[:_MOST_NAMED]
    if len(shown) == 1:
        return f"the carrier {shown[0]}"
    return f"the carriers {', '.join(shown[:-1])} and {shown[-1]}"


CARRIER = Kind("carrier_queue", find_carrier_queue)
