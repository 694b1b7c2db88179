"""Progress on the console: a live line of figures, or plain lines without a terminal."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadtests.runner.queries import ServiceState
from loadtests.runner.sampling import Snapshot

THE_RUN = "the run"
_PLAIN_EVERY_S = 5.0
_GAP = 5  # columns around a figure
_BACKLOG = ("queue_otp", "queue_transactional", "queue_marketing")


class Progress:
    """Within its ``with`` block: ``phase`` begins a phase, ``update`` shows figures each second, ``note``
    prints a permanent line.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = (
            Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        )
        self._phase = ""
        self.ends = THE_RUN  # what Ctrl-C ends in the present phase
        self._began_s = time.monotonic()
        self._expected_s: float | None = None
        self._printed_s = 0.0

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def phase(self, name: str, expected_s: float | None = None, ends: str = THE_RUN) -> None:
        """``expected_s``: its longest duration, if known. ``ends``: what the first Ctrl-C ends in it."""
        self._phase, self._expected_s, self.ends = name, expected_s, ends
        self._began_s = time.monotonic()
        self._printed_s = 0.0
        if self._live is not None:
            self._live.update(Text(f"  {name} ..."), refresh=True)

    def waits_for(self, words: str) -> None:
        """Change the text of the present phase."""
        self._phase = words

    def update(self, snapshot: Snapshot) -> None:
        elapsed_s = time.monotonic() - self._began_s
        if self._live is not None:
            self._live.update(self._drawn(snapshot, elapsed_s), refresh=True)
        elif elapsed_s - self._printed_s >= _PLAIN_EVERY_S:
            self._printed_s = elapsed_s
            figures = ", ".join(f"{name} {value}" for name, value in figures_of(snapshot))
            self._console.print(
                f"  {self._phase} {self._clock(elapsed_s)}: {figures}", highlight=False, soft_wrap=True
            )

    def waiting(self, what: str) -> None:
        """During a phase without load."""
        elapsed_s = time.monotonic() - self._began_s
        if self._live is not None:
            self._live.update(Text(f"  {self._phase} ({elapsed_s:.0f} s): {what}"), refresh=True)
        elif elapsed_s - self._printed_s >= _PLAIN_EVERY_S:
            self._printed_s = elapsed_s
            self.note(f"  {self._phase} {elapsed_s:.0f} s: {what}")

    def note(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _clock(self, elapsed_s: float) -> str:
        if self._expected_s is None:
            return f"{elapsed_s:.0f} s"
        return f"{min(elapsed_s, self._expected_s):.0f} of {self._expected_s:.0f} s"

    def _drawn(self, snapshot: Snapshot, elapsed_s: float) -> Group:
        head = Table.grid(padding=(0, 2))
        bar = ProgressBar(
            total=self._expected_s or 1.0, completed=elapsed_s, width=30 if self._console.width >= 100 else 12
        )
        head.add_row(Text(f"  {self._phase}", style="bold"), bar, Text(self._clock(elapsed_s)))
        return Group(head, *(_grid(pairs) for pairs in in_rows(figures_of(snapshot), self._console.width)))


def in_rows(pairs: list[tuple[str, str]], width: int) -> list[list[tuple[str, str]]]:
    """As few rows as fit the width, of the same length except the last; no figure is cut."""
    for rows in range(1, len(pairs)):
        each = -(-len(pairs) // rows)
        split = [pairs[at : at + each] for at in range(0, len(pairs), each)]
        if all(sum(max(map(len, pair)) + _GAP for pair in row) <= width for row in split):
            return split
    return [[pair] for pair in pairs]


def _grid(pairs: list[tuple[str, str]]) -> Table:
    figures = Table.grid(padding=(0, _GAP - 2, 0, 2), pad_edge=True)
    for _ in pairs:
        figures.add_column(no_wrap=True)
    figures.add_row(*(Text(name, style="dim") for name, _ in pairs))
    figures.add_row(*(Text(value) for _, value in pairs))
    return figures


def figures_of(snapshot: Snapshot) -> list[tuple[str, str]]:
    """The run's figures in one line; a dash where a figure is unknown."""
    load = snapshot.load
    return [
        ("offered/s", f"{load.offered_per_s:,.0f}"),
        ("due", f"{load.due:,}"),
        ("accepted", f"{load.accepted:,}"),
        ("delivered", "-" if snapshot.delivered is None else f"{snapshot.delivered:,}"),
        ("backlog", backlog(snapshot.sender)),
        ("open", "-" if snapshot.provider is None else f"{snapshot.provider.open:,}"),
        ("in flight", f"{load.in_flight:,}"),
        ("dropped", f"{load.dropped:,}"),
        ("refused", f"{load.refused:,}"),
        ("failed", f"{load.failed:,}"),
        ("lag p99", f"{load.lag_p99_ms:.1f} ms"),
        ("machine CPU", f"{snapshot.machine_cpu_percent:.0f} %"),
    ]


def backlog(sender: ServiceState | None) -> str:
    if sender is None:
        return "-"
    return f"{sum(sender.gauges.get(name, 0.0) for name in _BACKLOG):,.0f}"
