"""Names the phase of the load on the progress line: its start, its arrivals, the wait for last answers."""

from __future__ import annotations

from loadtests.recording import LoadStatus
from loadtests.runner.progress import Progress

_WORDS = {"waiting": "starting the load", "running": "load", "answering": "awaiting the last answers"}


class LoadPhase:
    """Call ``look`` with each status. ``duration_s`` is that of the arrivals, None if it is not known."""

    def __init__(self, progress: Progress, duration_s: float | None) -> None:
        self._progress = progress
        self._duration_s = duration_s
        self._phase = ""
        self.look(LoadStatus())

    def look(self, load: LoadStatus) -> None:
        if load.phase == self._phase or load.phase not in _WORDS:
            return
        self._phase = load.phase
        self._progress.phase(_WORDS[load.phase], self._duration_s if load.phase == "running" else None)
