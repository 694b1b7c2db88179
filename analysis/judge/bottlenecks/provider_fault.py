"""Messages wait in the sender while a known fault of the provider is active, or until its backlog is gone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from analysis.arrays import Bools
from analysis.findings import FaultBand
from analysis.judge.bottlenecks.kind import Description, Kind, Seen, over, strength
from analysis.judge.bottlenecks.view import View
from analysis.judge.bottlenecks.waits import in_sender
from analysis.measure.throughput import QUEUED_S

_STRENGTH = 0.5  # a cause with samples of its own goes first


def look(view: View) -> Seen:
    waits = view.windows.percentile(view.due_s, view.sender_wait_s, view.everyone, 50.0)
    seen = _with_backlog(_active(view), over(waits, QUEUED_S))

    def describe(windows: Bools) -> Description:
        edges = view.windows.edges_s
        to_s = float(edges[np.flatnonzero(windows)[-1] + 1])
        titles = dict.fromkeys(
            band.title or band.name for band in _timed(view) if (band.from_s or 0.0) < to_s
        )
        evidence = (
            f"the median message waited {in_sender(view, windows)} in {view.sender_name} while "
            "the fault was active, or until the messages that it had held were sent",
        )
        return f"a fault of the provider: {'; '.join(titles)}", evidence

    return Seen(strength(seen, _STRENGTH), describe)


def _timed(view: View) -> list[FaultBand]:
    return [band for band in view.given.faults if band.from_s is not None]


def _active(view: View) -> Bools:
    """Windows with a fault at an instant of them."""
    found: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    for band in _timed(view):
        for window, (low_s, high_s) in enumerate(pairwise(view.windows.edges_s.tolist())):
            begun = band.from_s is not None and band.from_s < high_s
            found[window] |= begun and (band.to_s is None or band.to_s > low_s)
    return found


def _with_backlog(active: Bools, waiting: Bools) -> Bools:
    """The windows with waits in which a fault was active, and those that follow while messages still wait."""
    found = active & waiting
    for window in range(1, len(found)):
        found[window] |= found[window - 1] and waiting[window]
    return found


FAULT = Kind("provider_fault", look, frozenset(("sender_hold",)))
