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


class FaultPeriod(Struct, frozen=True):
    """One window on the engine's clock. ``end_ns`` None: no end is known. ``title`` says what it does."""

    name: str
    kind: str
    title: str
    start_ns: int
    end_ns: int | None
    phase: Phase


class _Known(Struct, frozen=True):
    """A window as the profile has it, and as it was: nobody met it before ``began_ns``."""

    window: Window
    began_ns: int


class FaultLog:
    """Keeps the windows that were taken away, or changed, after they had begun."""

    __slots__ = ("_gone", "_present")

    def __init__(self) -> None:
        self._present: dict[str, _Known] = {}
        self._gone: deque[Window] = deque(maxlen=_REMEMBERED)

    def renew(self, now_ns: int, windows: Iterable[Window]) -> None:
        """These hold from now on."""
        present: dict[str, _Known] = {}
        for window in windows:
            earlier = self._present.get(window.name)
            began_ns = max(window.start_ns, now_ns)
            if earlier is not None and _goes_on(earlier.window, window, now_ns):
                del self._present[window.name]
                if window.start_ns <= now_ns:
                    began_ns = earlier.began_ns
            if began_ns < window.end_ns:  # else it was over before it was there
                present[window.name] = _Known(window, began_ns)
        for known in self._present.values():
            if known.began_ns < now_ns:
                end_ns = min(known.window.end_ns, now_ns)
                self._gone.append(replace(known.window, start_ns=known.began_ns, end_ns=end_ns))
        self._present = present

    def spans(self, now_ns: int) -> tuple[FaultPeriod, ...]:
        """All of them, by their start."""
        present = (replace(known.window, start_ns=known.began_ns) for known in self._present.values())
        found = [_span(window, now_ns) for window in (*self._gone, *present)]
        return tuple(sorted(found, key=lambda span: span.start_ns))


def _goes_on(earlier: Window, window: Window, now_ns: int) -> bool:
    """Whether it is the same fault: unchanged, or its window moved before it began or ended."""
    if (earlier.kind, earlier.words) != (window.kind, window.words):
        return False
    if (earlier.start_ns, earlier.end_ns) == (window.start_ns, window.end_ns):
        return True
    return _phase(earlier, now_ns) == _phase(window, now_ns) != "over"


def _phase(window: Window, now_ns: int) -> Phase:
    if now_ns < window.start_ns:
        return "to_come"
    return "over" if now_ns >= window.end_ns else "in_force"


def _span(window: Window, now_ns: int) -> FaultPeriod:
    end_ns = None if window.end_ns >= FOREVER_NS else window.end_ns
    phase = _phase(window, now_ns)
    return FaultPeriod(window.name, window.kind, window.words, window.start_ns, end_ns, phase)
