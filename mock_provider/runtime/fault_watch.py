"""Logs when a fault window begins and when it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable

from mock_provider.engine.distributions import NS_PER_S
from mock_provider.engine.faults.history import FaultPeriod

log = logging.getLogger(__name__)


class FaultWatch:
    """Call ``look`` repeatedly; it logs each change once."""

    def __init__(self, spans_at: Callable[[int], tuple[FaultPeriod, ...]], now_ns: Callable[[], int]) -> None:
        self._spans_at = spans_at
        self._now_ns = now_ns
        self._begun: set[tuple[str, int]] = set()
        self._ended: set[tuple[str, int]] = set()

    def log_changes(self) -> None:
        now_ns = self._now_ns()
        for span in self._spans_at(now_ns):
            window = span.name, span.start_ns
            if span.phase == "scheduled" or window in self._ended:
                continue
            if window not in self._begun:
                self._begun.add(window)
                log.warning("fault %s begins: %s%s", span.name, span.title, _until(span))
            if span.phase == "ended":
                self._ended.add(window)
                log.warning("fault %s ends after %s s", span.name, _length_s(span))


def _length_s(span: FaultPeriod) -> str:
    return "?" if span.end_ns is None else f"{(span.end_ns - span.start_ns) / NS_PER_S:.3g}"


def _until(span: FaultPeriod) -> str:
    return ", until it is removed" if span.end_ns is None else f", for {_length_s(span)} s"
