"""What faults there were, are and will be, with the times at which they really began and ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from mock_provider.engine.faults.windows import FOREVER_NS, Window

_REMEMBERED = 1_000

Phase = Literal["over", "in_force", "to_come"]


class FaultSpan(Struct, frozen=True):
    """One window on the engine's clock. ``end_ns`` None: no end is known. ``title`` says what it does."""

    name: str
    kind: str
    title: str
    start_ns: int
    end_ns: int | None
    phase: Phase


class FaultLog:
    """Keeps the windows that were taken away, or changed, after they had begun."""

    __slots__ = ("_gone", "_present")

    def __init__(self) -> None:
        self._present: dict[str, Window] = {}
        self._gone: deque[Window] = deque(maxlen=_REMEMBERED)

    def renew(self, now_ns: int, windows: Iterable[Window]) -> None:
        """These hold from now on."""
        present: dict[str, Window] = {}
        for window in windows:
            earlier = self._present.get(window.name)
            if earlier is not None and _goes_on(earlier, window, now_ns):
                self._present.pop(window.name)
                window = replace(window, start_ns=earlier.start_ns)
            elif window.start_ns < now_ns < window.end_ns:
                window = replace(window, start_ns=now_ns)  # nobody met it before
            present[window.name] = window
        for window in self._present.values():
            if window.start_ns < now_ns:
                self._gone.append(replace(window, end_ns=min(window.end_ns, now_ns)))
        self._present = present

    def spans(self, now_ns: int) -> tuple[FaultSpan, ...]:
        """All of them, by their start."""
        found = [_span(window, now_ns) for window in (*self._gone, *self._present.values())]
        return tuple(sorted(found, key=lambda span: span.start_ns))


def _goes_on(earlier: Window, window: Window, now_ns: int) -> bool:
    """Whether it is the same fault, now or to come, of which at most the end was moved."""
    alike = earlier.kind == window.kind and earlier.words == window.words
    return alike and earlier.end_ns > now_ns and (window.start_ns <= now_ns) == (earlier.start_ns <= now_ns)


def _span(window: Window, now_ns: int) -> FaultSpan:
    phase: Phase = "in_force"
    if now_ns < window.start_ns:
        phase = "to_come"
    elif now_ns >= window.end_ns:
        phase = "over"
    end_ns = None if window.end_ns >= FOREVER_NS else window.end_ns
    return FaultSpan(window.name, window.kind, window.words, window.start_ns, end_ns, phase)
