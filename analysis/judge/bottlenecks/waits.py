"""The median wait of a bottleneck, as text. A message that still waits at the end gives a lower bound."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.formatting import seconds_text
from analysis.judge.bottlenecks.view import View
from analysis.measure.throughput import QUEUED_S

_SCHEDULED = 0.1  # of the messages at the provider


def in_sender(view: View, windows: Bools) -> str:
    """``2.16 s``, or ``at least 30.1 s``: the median wait of the messages that are due in these windows."""
    due = view.windows.inside(view.due_s, windows)
    return median_text(view.sender_wait_s[due], view.still_waits[due])


def at_carriers(view: View, among: Bools, windows: Bools) -> str:
    due = among & view.windows.inside(view.due_s, windows)
    return median_text(view.carrier_wait_s[due], view.still_queued[due])


def median_text(waits_s: Floats, still: Bools) -> str:
    """``still``: waits that had not ended."""
    return bounded(median(waits_s), median(_never_ending(waits_s, still)))


def median(values: Floats) -> float:
    """By nearest rank, without NaN; NaN if there is none. Values may be infinite."""
    ordered = np.sort(values[~np.isnan(values)])
    return float(ordered[(len(ordered) - 1) // 2]) if len(ordered) else float("nan")


def sender_bounds(view: View) -> tuple[Floats, Floats]:
    return _bounds(view, view.sender_wait_s, view.still_waits, view.everyone)


def waits_for_their_time(view: View) -> Bools:
    """Windows of which over a tenth of the messages wait at the provider for a time that the sender set."""
    waiting = view.windows.counts(view.due_s, view.scheduled_wait_s > QUEUED_S)
    found: Bools = waiting > _SCHEDULED * view.windows.counts(view.due_s, view.provider.accepted)
    return found


def carrier_bounds(view: View, among: Bools) -> tuple[Floats, Floats]:
    return _bounds(view, view.carrier_wait_s, view.still_queued, among)


def bounded(least_s: float, most_s: float) -> str:
    return f"at least {seconds_text(least_s)}" if most_s > least_s else seconds_text(least_s)


def _bounds(view: View, waits_s: Floats, still: Bools, among: Bools) -> tuple[Floats, Floats]:
    """The median of each window if a message that still waits ends its wait now, and if it never does."""
    least_s, most_s = (
        view.windows.percentile(view.due_s, values, among, 50.0)
        for values in (waits_s, _never_ending(waits_s, still))
    )
    return least_s, most_s


def _never_ending(waits_s: Floats, still: Bools) -> Floats:
    return np.where(still & ~np.isnan(waits_s), np.inf, waits_s)
