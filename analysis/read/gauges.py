"""Samples during the load, by process and name."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Floats
from analysis.read.journeys import Samples

_NONE: Floats = np.zeros(0)


class Gauges:
    """Samples taken from the load's start to ``until_s``."""

    def __init__(self, samples: Samples, until_s: float) -> None:
        wanted = (samples.at_s >= 0) & (samples.at_s <= until_s + 1.0)
        rows: dict[tuple[str, str], list[int]] = {}
        for row in np.flatnonzero(wanted).tolist():
            rows.setdefault((samples.process[row], samples.name[row]), []).append(row)
        self._series = {key: (samples.at_s[found], samples.value[found]) for key, found in rows.items()}

    def series(self, process: str, name: str) -> tuple[Floats, Floats]:
        """(instants, values); both empty without samples."""
        return self._series.get((process, name), (_NONE, _NONE))

    def processes(self, *prefixes: str) -> tuple[str, ...]:
        """Names of sampled processes that begin with one of these."""
        return tuple(sorted({process for process, _ in self._series if process.startswith(prefixes)}))

    def names(self, process: str, prefix: str = "") -> tuple[str, ...]:
        """Names of the samples of ``process``."""
        return tuple(
            sorted(name for owner, name in self._series if owner == process and name.startswith(prefix))
        )

    def at(self, process: str, name: str, at_s: Floats) -> Floats:
        """The value nearest to each instant; 0 without samples."""
        instants, values = self.series(process, name)
        if len(instants) == 0:
            return np.zeros(len(at_s))
        after = np.clip(np.searchsorted(instants, at_s), 0, len(instants) - 1)
        before = np.maximum(after - 1, 0)
        nearer_before = np.abs(instants[before] - at_s) <= np.abs(instants[after] - at_s)
        nearest: Floats = values[np.where(nearer_before, before, after)]
        return nearest
