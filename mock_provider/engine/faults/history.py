"""Which faults ended, are active and are scheduled, with the times at which they really began and ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from mock_provider.engine.faults.hooks import FaultEffect
from mock_provider.engine.faults.windows import FOREVER_NS, Window

_REMEMBERED = 1_000

FaultPhase = Literal["scheduled", "active", "ended"]


class FaultPeriod(Struct, frozen=True):
    """One window on the engine's clock. ``end_ns`` None: no end is known. ``title``: what the fault does."""

    name: str
    kind: str
    title: str
    start_ns: int
    end_ns: int | None
    phase: FaultPhase
    effect: FaultEffect


class _Known(Struct, frozen=True):
    """A window of the profile, and when it really began: not before it was configured."""

    window: Window
    began_ns: int


class FaultHistory:
    """Remembers windows that were removed or changed after they had begun."""

    __slots__ = ("_present", "_removed")

    def __init__(self) -> None:
        self._present: dict[str, _Known] = {}
        self._removed: deque[Window] = deque(maxlen=_REMEMBERED)

    def renew(self, now_ns: int, windows: Iterable[Window]) -> None:
        """The profile has these windows from now on."""
        present: dict[str, _Known] = {}
        for window in windows:
            earlier = self._present.get(window.name)
            began_ns = max(window.start_ns, now_ns)
            if earlier is not None and _is_same_fault(earlier.window, window, now_ns):
                del self._present[window.name]
                if window.start_ns <= now_ns:
                    began_ns = earlier.began_ns
            if began_ns < window.end_ns:  # else it had ended before it was configured
                present[window.name] = _Known(window, began_ns)
        for known in self._present.values():
            if known.began_ns < now_ns:
                end_ns = min(known.window.end_ns, now_ns)
                self._removed.append(replace(known.window, start_ns=known.began_ns, end_ns=end_ns))
        self._present = present

    def periods(self, now_ns: int) -> tuple[FaultPeriod, ...]:
        """All of them, by their start."""
        present = (replace(known.window, start_ns=known.began_ns) for known in self._present.values())
        found = [_period(window, now_ns) for window in (*self._removed, *present)]
        return tuple(sorted(found, key=lambda period: period.start_ns))


def phase_at(now_ns: int, start_ns: int, end_ns: int | None) -> FaultPhase:
    """``end_ns`` None: it does not end."""
    if now_ns < start_ns:
        return "scheduled"
    return "active" if end_ns is None or now_ns < end_ns else "ended"


def _is_same_fault(earlier: Window, window: Window, now_ns: int) -> bool:
    """Unchanged, or its window moved without a change of its phase, before its end."""
    if (earlier.kind, earlier.description) != (window.kind, window.description):
        return False
    if (earlier.start_ns, earlier.end_ns) == (window.start_ns, window.end_ns):
        return True
    return _phase(earlier, now_ns) == _phase(window, now_ns) != "ended"


def _phase(window: Window, now_ns: int) -> FaultPhase:
    return phase_at(now_ns, window.start_ns, window.end_ns)


def _period(window: Window, now_ns: int) -> FaultPeriod:
    return FaultPeriod(
        name=window.name,
        kind=window.kind,
        title=window.description,
        start_ns=window.start_ns,
        end_ns=None if window.end_ns >= FOREVER_NS else window.end_ns,
        phase=_phase(window, now_ns),
        effect=window.fault.effect,
    )
