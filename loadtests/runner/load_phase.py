"""Names the phase of the load on the progress line: its start, its arrivals, the wait for last answers."""

from __future__ import annotations

from loadtests.recording import LoadStatus
from loadtests.runner.progress import Progress
from loadtests.runner.sampling import Snapshot

_WORDS = {"waiting": "starting the load", "running": "load", "answering": "awaiting the last answers"}

# With Locust's page the user starts the load, and may start it again.
_IN_PAGE = {
    "waiting": "waiting for Start in the page",
    "finished": "waiting for Ctrl-C here, or for Start in the page",
}


class LoadPhase:
    """Call ``update`` with each snapshot. ``duration_s`` is that of the arrivals."""

    def __init__(self, progress: Progress, duration_s: float) -> None:
        self._progress = progress
        self._duration_s = duration_s
        self._phase = ""
        self._words = _WORDS
        self.show_phase(LoadStatus())

    def page_opened(self) -> None:
        """From now on the load begins when the user presses Start."""
        self._words = _WORDS | _IN_PAGE
        if self._phase == "waiting":
            self._progress.phase(self._words["waiting"], ends="the load")

    def update(self, snapshot: Snapshot) -> None:
        """Show the figures in their own phase: the first ones of a load do not wait for Start."""
        self.show_phase(snapshot.load)
        self._progress.update(snapshot)

    def show_phase(self, load: LoadStatus) -> None:
        if load.phase == self._phase or load.phase not in self._words:
            return
        self._phase = load.phase
        expected_s = self._duration_s if load.phase == "running" else None
        ends = "the web UI" if load.phase == "finished" else "the load"
        self._progress.phase(self._words[load.phase], expected_s, ends)
