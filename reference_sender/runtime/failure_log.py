"""Writes an error that repeats to the log: at once, then once a minute, and when it has ended."""

from __future__ import annotations

import logging

_REPEATED_AFTER_S = 60.0
_MOST_TEXTS = 8  # that are written in a minute: the text of an error may have something that always differs


class FailureLog:
    """The errors of one piece of work that is tried again and again. An outage of a database would otherwise
    write several lines a second.
    """

    def __init__(self, log: logging.Logger, text: str, what: str) -> None:
        """``text`` has ``%s`` for the error; ``what`` works again after it."""
        self._log = log
        self._text = text
        self._what = what
        self._written_s: dict[str, float] = {}  # by error
        self._since_s: float | None = None
        self._failures = 0

    def failed(self, at_s: float, error: Exception) -> None:
        """It failed at ``at_s``, which never goes back."""
        if self._since_s is None:
            self._since_s = at_s
        self._failures += 1
        recent = {
            text: written_s
            for text, written_s in self._written_s.items()
            if at_s - written_s < _REPEATED_AFTER_S
        }
        self._written_s = recent
        text = str(error)
        if text not in recent and len(recent) < _MOST_TEXTS:
            recent[text] = at_s
            self._log.error(self._text, text)

    def worked(self, at_s: float) -> None:
        """It worked at ``at_s``."""
        if self._since_s is None:
            return
        lasted_s, failures = at_s - self._since_s, self._failures
        self._since_s, self._failures = None, 0
        # One failure that was not written, since the same one was a moment ago, needs no end either.
        if failures > 1:
            self._log.warning("%s works again after %.1f s (%d failures)", self._what, lasted_s, failures)
