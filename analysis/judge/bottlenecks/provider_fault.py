"""Messages wait in the sender while a known fault of the provider is active, or until its backlog is gone."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.findings import FaultBand
from analysis.judge.bottlenecks import lowered_limit
from analysis.judge.bottlenecks.after_refusal import slow_after_refusal
from analysis.judge.bottlenecks.kind import Description, Kind, KindFinding, over, strength
from analysis.judge.bottlenecks.view import View
from analysis.judge.bottlenecks.waits import in_sender
from analysis.measure.throughput import QUEUED_S

_STRENGTH = 0.5  # a cause with samples of its own goes first
_MOST_NAMED = 2


def find_provider_fault(view: View) -> KindFinding:
    waits = view.windows.percentile(view.due_s, view.sender_wait_s, view.everyone, 50.0)
    active = view.windows.overlapping(_span(view, band) for band in view.request_faults)
    lowered = lowered_limit.lowered(view)
    seen = _with_backlog(active, over(waits, QUEUED_S)) | lowered
    seen &= ~slow_after_refusal(view)
    strengths = strength(seen, np.where(lowered, 1.0, _STRENGTH))

    def describe(windows: Bools) -> Description:
        bands = _by_wait(view, windows, strengths)
        titles = list(dict.fromkeys(band.title or band.name for band in bands))
        more = len(titles) - _MOST_NAMED
        shown = titles[:_MOST_NAMED] + ([f"and {more} more"] if more > 0 else [])
        evidence = [
            f"the median message waited {in_sender(view, windows)} in {view.sender_name} while "
            f"{'the fault was' if len(titles) == 1 else 'a fault was'} active, or until the messages that it "
            "had held were sent",
        ]
        if lowered[windows].any():
            evidence += [
                lowered_limit.lowered_limit_text(view, band)
                for band in bands[:_MOST_NAMED]
                if band in lowered_limit.bands(view)
            ]
        named = "; ".join(shown)
        return Description(f"a fault of the provider: {named}", tuple(evidence), subject=named)

    return KindFinding(strengths, describe)


def _span(view: View, band: FaultBand) -> tuple[float, float]:
    assert band.from_s is not None
    return band.from_s, view.journeys.end_s if band.to_s is None else band.to_s


def _by_wait(view: View, windows: Bools, strengths: Floats) -> list[FaultBand]:
    """The faults in the order of what messages waited in the sender while they were active in these windows,
    by the strength in each window.

    Those without such a wait are left out. If none has one, the last fault before the windows' end held the
    messages.
    """
    edges = view.windows.edges_s
    chosen = [
        (float(edges[at]), float(edges[at + 1]), float(strengths[at])) for at in np.flatnonzero(windows)
    ]
    begins_s, ends_s = view.load.replied_s, view.load.replied_s + view.sender_wait_s
    waited: list[tuple[float, FaultBand]] = []
    for band in view.request_faults:
        from_s, to_s = _span(view, band)
        total_s = 0.0
        for low_s, high_s, weight in chosen:
            spent_s = np.minimum(ends_s, min(high_s, to_s)) - np.maximum(begins_s, max(low_s, from_s))
            total_s += weight * float(np.nansum(np.maximum(spent_s, 0.0)))
        waited.append((total_s, band))
    found = sorted((each for each in waited if each[0] > 0), key=lambda each: -each[0])
    before = [band for band in view.request_faults if _span(view, band)[0] < chosen[-1][1]]
    return [band for _, band in found] or before[-1:]


def _with_backlog(active: Bools, waiting: Bools) -> Bools:
    """The windows with waits in which a fault was active, and those that follow while messages still wait."""
    found = active & waiting
    for window in range(1, len(found)):
        found[window] |= found[window - 1] and waiting[window]
    return found


FAULT = Kind("provider_fault", find_provider_fault, frozenset(("sender_hold",)))
