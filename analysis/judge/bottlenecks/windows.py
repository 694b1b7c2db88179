"""Windows of ten seconds over the load, by which symptoms and evidence are compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.read.gauges import Gauges

WINDOW_S = 10.0
OUTSIDE = -1


class Windows:
    """A load under 15 s is one window. A last window under 5 s belongs to the previous one."""

    def __init__(self, load_end_s: float) -> None:
        self.count = max(int((load_end_s + WINDOW_S / 2) // WINDOW_S), 1)
        self.load_end_s = max(load_end_s, 1e-9)
        self.edges_s: Floats = np.append(np.arange(self.count) * WINDOW_S, self.load_end_s)

    @property
    def lengths_s(self) -> Floats:
        return np.diff(self.edges_s)

    def of(self, at_s: Floats) -> Ints:
        """The window of each instant; OUTSIDE before and after the load."""
        inside = np.isfinite(at_s) & (at_s >= 0) & (at_s <= self.load_end_s + 1e-6)
        place = np.minimum(np.where(inside, at_s, 0.0) // WINDOW_S, self.count - 1).astype(np.int64)
        return np.where(inside, place, OUTSIDE)

    def inside(self, at_s: Floats, windows: Bools) -> Bools:
        """Which of these instants are in one of the chosen windows."""
        place = self.of(at_s)
        found: Bools = (place != OUTSIDE) & windows[place]
        return found

    def counts(self, at_s: Floats, among: Bools) -> Floats:
        """The number of ``among`` in each window."""
        place = self.of(at_s)
        chosen = among & (place != OUTSIDE)
        return np.bincount(place[chosen], minlength=self.count).astype(np.float64)

    def percentile(self, at_s: Floats, values: Floats, among: Bools, percent: float) -> Floats:
        """Percentile of the values of ``among`` in each window, by nearest rank; NaN for an empty window.

        Values may be infinite.
        """
        found: Floats = np.full(self.count, np.nan)
        place = self.of(at_s)
        chosen = among & (place != OUTSIDE) & ~np.isnan(values)
        order = np.lexsort((values[chosen], place[chosen]))
        places, ordered = place[chosen][order], values[chosen][order]
        windows, first, counts = np.unique(places, return_index=True, return_counts=True)
        rank = np.maximum(np.ceil(counts * percent / 100.0).astype(np.int64), 1)
        found[windows] = ordered[first + rank - 1]
        return found

    def overlapping(self, spans_s: Iterable[tuple[float, float]]) -> Bools:
        """Windows in which one of these times lies, also in part."""
        found: Bools = np.zeros(self.count, dtype=np.bool_)
        for from_s, to_s in spans_s:
            found |= (self.edges_s[:-1] < to_s) & (self.edges_s[1:] > from_s)
        return found

    def share(self, at_s: Floats, chosen: Bools, among: Bools) -> Floats:
        """The share of ``chosen`` in ``among``, in each window; 0 for an empty window."""
        whole = self.counts(at_s, among)
        return self.counts(at_s, among & chosen) / np.maximum(whole, 1.0)


class WindowGauges:
    """Samples by window; NaN for a window without samples."""

    def __init__(self, gauges: Gauges, windows: Windows) -> None:
        self.gauges = gauges
        self._windows = windows

    def high(self, process: str, name: str, percent: float = 75.0) -> Floats:
        """The value that a quarter of the window's seconds (or the share that ``percent`` leaves) reach or
        exceed.
        """
        at_s, values = self.gauges.series(process, name)
        return self.of_values(at_s, values, percent)

    def of_values(self, at_s: Floats, values: Floats, percent: float = 75.0) -> Floats:
        return self._windows.percentile(at_s, values, np.ones(len(at_s), dtype=np.bool_), percent)

    def rise(self, process: str, name: str, without: Sequence[tuple[float, float]] = ()) -> Floats:
        """The growth of a counter in each window; 0 without samples. ``without``: times that do not count.

        A counter without a sample before it is above 0 begins at 0.
        """
        at_s, values = self.gauges.series(process, name)
        if len(at_s) == 0:
            return np.zeros(self._windows.count)
        edges = self._windows.edges_s
        instants, levels = np.append(at_s[0] - 1.0, at_s), np.append(self._before(name, values), values)

        def growth(instants_s: Floats) -> Floats:
            return np.diff(np.interp(instants_s, instants, levels))

        grown = growth(edges)
        for span in without:
            grown -= growth(np.clip(edges, *span))
        return np.maximum(grown, 0.0)

    def _before(self, name: str, values: Floats) -> float:
        return 0.0 if name.startswith("count_") else float(values[0])

    def busiest(self, name: str, *prefixes: str) -> tuple[Floats, tuple[str, ...]]:
        """The highest value of the processes with these name prefixes in each window, and the name."""
        processes = self.gauges.processes(*prefixes)
        if not processes:
            return np.full(self._windows.count, np.nan), ("",) * self._windows.count
        table = np.array([self.high(process, name) for process in processes])
        filled = np.where(np.isnan(table), -np.inf, table)
        best = filled.argmax(axis=0)
        values = np.where(np.isinf(filled.max(axis=0)), np.nan, filled.max(axis=0))
        return values, tuple(processes[place] for place in best)
