"""The style of all charts, and their two output formats: PNG files and inline SVG.

The colours are Okabe and Ito's, which are distinct for every kind of colour vision. In the SVG, ink, muted
ink and grid become CSS variables, so that a chart is legible on light and dark pages; text stays text.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from analysis.render.plain_matplotlib import own_settings  # isort: skip  # before matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, MultipleLocator, NullLocator

from analysis.formatting import round_number_text, round_seconds_text

INK, MUTED, GRID = "#1b1f24", "#5b6470", "#d7dbe0"
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
)
CLASS_COLOURS = {"otp": VERMILION, "transactional": BLUE, "marketing": GREEN, "all": INK}
_OTHER_COLOURS = (PURPLE, ORANGE, SKY)
_WIDTH_IN = 8.8  # of a chart
_SVG_INKS = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--grid)"}
_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.handlelength": 1.6,
    "legend.columnspacing": 1.6,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "svg.fonttype": "none",
    "text.parse_math": False,  # class names come from the run and may have a dollar sign
}
PNG_DPI = 125
_LEGEND_CHARS, _KEY_CHARS = 112, 7  # of a legend across a whole figure; the width of a line's sample in it
_MOST_TICKS_UP, _MOST_TICKS_ACROSS = 9, 6  # labels such as "100 ms" need the space


@contextmanager
def styled() -> Iterator[None]:
    """The context for drawing and saving: our style on matplotlib's defaults, without any matplotlibrc."""
    with own_settings(_STYLE):
        yield


def class_colour(name: str, index: int) -> str:
    return CLASS_COLOURS.get(name, _OTHER_COLOURS[index % len(_OTHER_COLOURS)])


def new_figure(title: str, height_in: float = 3.4) -> Figure:
    figure = Figure(figsize=(_WIDTH_IN, height_in), dpi=PNG_DPI, layout="constrained")
    figure.suptitle(title, x=0.008, ha="left", fontsize=11, fontweight="bold")
    return figure


def legend_above(axes: Axes, columns: int = 5, raised: float = 0.0) -> None:
    """A legend between title and plot, ``raised`` of the plot's height above an axis."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(-0.01, 1.0 + raised),
            ncols=_fitting_columns(labels, columns),
            borderaxespad=0.2,
        )


def _fitting_columns(labels: list[str], most: int) -> int:
    """The number of columns that fit into the figure. A wider legend would squeeze the plot."""
    for columns in range(min(most, len(labels)), 1, -1):
        # As matplotlib fills them: column by column, the first columns take the remainder.
        rows, longer = divmod(len(labels), columns)
        ends = [rows * column + min(column, longer) for column in range(columns + 1)]
        widest = [max(map(len, labels[start:end])) for start, end in pairwise(ends)]
        if sum(width + _KEY_CHARS for width in widest) <= _LEGEND_CHARS:
            return columns
    return 1


def save_png(figure: Figure, path: Path) -> None:
    with styled():
        layout = figure.get_layout_engine()
        if layout is not None:
            # Once, so that the SVG has the same positions. With any engine, also "none", matplotlib draws a
            # figure once more before it saves it: 40 % of the time of all charts.
            layout.execute(figure)
            figure.set_layout_engine(None)
        figure.savefig(path, dpi=PNG_DPI, facecolor="white")


def svg_text(figure: Figure, name: str) -> str:
    """Inline SVG without a fixed size; ``name`` makes its ids unique on the page."""
    sink = io.StringIO()
    with own_settings({**_STYLE, "svg.hashsalt": name}):
        figure.savefig(sink, format="svg", metadata={"Date": None, "Creator": None})
    text = sink.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[A-Za-z_0-9.]+"', "<g", text)
    text = re.sub(
        r'(<svg[^>]*?) width="[^"]+" height="[^"]+"|height="[^"]+" width="[^"]+"', r"\1", text, count=1
    )
    text = re.sub(r"font: ((?:bold |\d+ )?[\d.]+px) [^;\"]+", r"font: \1 var(--chart-font)", text)
    text = re.sub(r"(\d\.\d\d)\d+", r"\1", text)
    for colour, variable in _SVG_INKS.items():
        text = text.replace(colour, variable)
    return re.sub(r"\s*\n\s*", "\n", text)


def seconds_axis(axes: Axes, low_s: float, high_s: float, which: str = "y") -> None:
    """Logarithmic axis with round ticks in a suitable unit: 200 ms, 5 s, 1 min, 10 h."""
    low_s, high_s = max(low_s, 1e-7) / 1.25, max(high_s, 2e-7) * 1.25
    round_s = _round_times_s(fine=math.log10(high_s / low_s) < 2.6)
    low_s, high_s = _around_two(round_s, low_s, high_s)
    ticks = [tick for tick in round_s if low_s <= tick <= high_s]
    while len(ticks) > (_MOST_TICKS_UP if which == "y" else _MOST_TICKS_ACROSS):
        ticks = ticks[::2]
    axis = axes.yaxis if which == "y" else axes.xaxis
    (axes.set_yscale if which == "y" else axes.set_xscale)("log")
    (axes.set_ylim if which == "y" else axes.set_xlim)(low_s, high_s)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: round_seconds_text(value)))


def _around_two(round_s: list[float], low_s: float, high_s: float) -> tuple[float, float]:
    """The range, widened to include at least two round times, since one label gives no scale."""
    while sum(low_s <= tick <= high_s for tick in round_s) < 2:
        outside = [tick for tick in round_s if not low_s <= tick <= high_s]
        nearest = min(outside, key=lambda tick: max(low_s / tick, tick / high_s))
        low_s, high_s = min(low_s, nearest / 1.05), max(high_s, nearest * 1.05)
    return low_s, high_s


def linear_seconds_axis(axes: Axes, high_s: float) -> None:
    """A time axis along x from zero, with at most four round steps."""
    step = next((time for time in _round_times_s(fine=True) if time >= high_s / 4), high_s)
    axes.set_xlim(0, high_s * 1.25)
    axes.xaxis.set_major_locator(FixedLocator([step * index for index in range(int(high_s / step) + 1)]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: round_seconds_text(value) if value else "0")
    )


def _round_times_s(fine: bool) -> list[float]:
    """1, 2, 5 of each decade up to 20 s, then round minutes and hours; coarse: one or two of each unit.

    50 s is left out, since its label would overlap 1 min.
    """
    steps = (1, 2, 5) if fine else (1,)
    below_a_minute = [step * 10.0**decade for decade in range(-7, 2) for step in steps]
    if fine:
        below_a_minute.remove(50.0)
    minutes, hours = ((1, 2, 5, 10, 20), (0.5, 1, 2, 5, 10, 24, 48)) if fine else ((1, 10), (1, 10, 100))
    return [*below_a_minute, *(60.0 * minute for minute in minutes), *(3600.0 * hour for hour in hours)]


def count_axis(axes: Axes, whole: bool = False) -> None:
    """Linear axis from zero with thousands separators; only whole messages if there are few."""
    axes.margins(y=0.14)  # space above for the text of a marker
    axes.set_ylim(bottom=0)
    if whole:
        axes.yaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: round_number_text(value)))


class TimeScale:
    """Seconds after the load's start, in a suitable unit."""

    def __init__(self, span_s: float) -> None:
        self.factor, self.unit = 1.0, "s"
        self._hours = span_s / 3600
        if span_s > 2 * 3600:
            self.factor, self.unit = 1 / 3600, "h"
        elif span_s > 600:
            self.factor, self.unit = 1 / 60, "min"

    def mark(self, axes: Axes) -> None:
        """Label and ticks of a time axis."""
        axes.set_xlabel(f"time after the load's start ({self.unit})")
        if self.unit == "h":
            axes.xaxis.set_major_locator(MultipleLocator(4.0) if self._hours > 12 else MaxNLocator(nbins=8))

    def of(self, instants_s: tuple[float, ...]) -> list[float]:
        return [instant * self.factor for instant in instants_s]


def day_hours(axes: Axes, scale: TimeScale, speedup: float) -> None:
    """A second axis above the plot: the hour of the simulated day."""
    hours_a_unit = speedup / 3600 / scale.factor

    def to_hours(values: Any) -> Any:
        return values * hours_a_unit

    def from_hours(values: Any) -> Any:
        return values / hours_a_unit

    upper = axes.secondary_xaxis("top", functions=(to_hours, from_hours))
    upper.set_xlabel("hour of the day")
    upper.xaxis.set_major_locator(FixedLocator(list(range(0, 25, 4))))


def load_end_line(axes: Axes, load_end_s: float, end_s: float, scale: TimeScale) -> None:
    """A marker at the end of the load, if the chart continues after it. Its text is on the wider side."""
    if end_s > 1.02 * load_end_s:
        before = load_end_s > end_s / 2
        axes.axvline(load_end_s * scale.factor, color=MUTED, linewidth=1.0, linestyle=(0, (1, 2)))
        axes.annotate(
            "load ends",
            (load_end_s * scale.factor, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(-4 if before else 4, -10),
            textcoords="offset points",
            ha="right" if before else "left",
            fontsize=8,
            color=MUTED,
        )
