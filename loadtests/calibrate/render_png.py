"""The picture: one small panel per measurement, with observed values and allowed range."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from textwrap import shorten

import numpy as np

from analysis.render.plain_matplotlib import own_settings  # isort: skip  # before matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loadtests.calibrate.judge import PERCENTILES, Measurement, Row, changed

_INK, _MUTED, _GRID = "#1b1f24", "#5b6470", "#d7dbe0"
_OBSERVED, _ALLOWED, _OUT = "#0072b2", "#009e73", "#d55e00"
_ACROSS = 3
_PANEL_IN = (3.6, 2.5)
_HEAD_IN = 0.9
_LINE_CHARS = 165  # across the whole picture
_DPI = 100
_BAR_PT, _NAME_PT = 3.5, 7.0
_BARS_PT, _NAMES_PT = 36.0, 72.0  # of a panel's height, for all bars and for all names
_TICK_SHARES = (0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "text.color": _INK,
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "text.parse_math": False,
}

Panel = Callable[[Axes], None]


def write(measurements: Sequence[Measurement], lines: Sequence[str], path: Path) -> bool:
    """Draw the measurements below the verdict and the missed rows. False if there is nothing to draw."""
    panels = _panels(measurements)
    if not panels:
        return False
    down = math.ceil(len(panels) / _ACROSS)
    across = min(_ACROSS, len(panels))
    with own_settings(_STYLE):
        height_in = _PANEL_IN[1] * down + _HEAD_IN
        figure = Figure(figsize=(_PANEL_IN[0] * across, height_in))
        figure.text(
            0.015,
            1 - 0.12 / height_in,
            "Provider: observed and set values",
            va="top",
            fontsize=11,
            fontweight="bold",
        )
        figure.text(
            0.015, 1 - 0.36 / height_in, f"{lines[0]} Green: the allowed range.", va="top", color=_MUTED
        )
        missed = [line for line in lines[1:] if line.startswith("Missed: ")]
        if missed:
            shown = shorten(missed[0], _LINE_CHARS * across // _ACROSS, placeholder=" …")
            figure.text(0.015, 1 - 0.54 / height_in, shown, va="top", color=_OUT)
        grid = figure.add_gridspec(
            down,
            across,
            left=0.64 / (_PANEL_IN[0] * across),
            right=1 - 0.15 / (_PANEL_IN[0] * across),
            top=1 - (_HEAD_IN + 0.12) / height_in,
            bottom=0.5 / height_in,
            hspace=0.5,
            wspace=0.24,
        )
        for number, panel in enumerate(panels):
            panel(figure.add_subplot(grid[divmod(number, across)]))
        figure.savefig(path, dpi=_DPI, facecolor="white", pil_kwargs={"optimize": True})
    return True


def _panels(measurements: Sequence[Measurement]) -> list[Panel]:
    panels: list[Panel] = []
    for one in measurements:
        if "set_ms" in one.series:
            panels.append(partial(_quantiles, one))
        elif "accepted_per_s" in one.series:
            panels.append(partial(_rate, one))
        elif one.series.get("set"):
            panels.append(partial(_counts, one))
    edges = [
        changed(row, what=f"{one.title.removeprefix('fault window ')}: {row.what}")
        for one in measurements
        for row in one.rows
        if row.group == "windows" and row.unit == "ms"
    ]
    if any(row.observed is not None for row in edges):
        panels.append(partial(_edges, edges))
    return panels


def _quantiles(one: Measurement, axes: Axes) -> None:
    """Observed minus set value by percentile, and the allowed band."""
    share = np.array(one.series["share"])
    set_ms, seen_ms = np.array(one.series["set_ms"]), np.array(one.series["observed_ms"])
    at = np.log(share / (1 - share))
    allowed = np.array([_allowed_ms(s, v) for s, v in zip(share, set_ms, strict=True)])
    axes.fill_between(at, -allowed, allowed, color=_ALLOWED, alpha=0.15, linewidth=0, step="mid")
    axes.axhline(0, color=_MUTED, linewidth=0.8)
    error = seen_ms - set_ms
    bound = 1.6 * float(allowed[: len(allowed) // 2].max())
    shown = np.clip(error, -bound, bound)
    axes.plot(at, shown, color=_OBSERVED, linewidth=1.0, marker="o", markersize=2.2)
    beyond = error != shown
    axes.plot(at[beyond], shown[beyond], color=_OUT, linestyle="", marker="^", markersize=5, clip_on=False)
    if beyond.any():
        worst = int(np.abs(error).argmax())
        place = (at[worst], shown[worst])
        axes.annotate(
            f"to {error[worst]:+.1f}", place, (-8, -10), textcoords="offset points", ha="right", color=_OUT
        )
    axes.set_ylim(-bound, bound)
    axes.set_xticks([math.log(s / (1 - s)) for s in _TICK_SHARES], [f"p{s * 100:g}" for s in _TICK_SHARES])
    axes.set_ylabel("observed - set, ms")
    name = "Report after submit" if one.group == "carriers" else f"Reply {one.title}"
    axes.set_title(name)


def _allowed_ms(share: float, set_ms: float) -> float:
    last_share, last = PERCENTILES[-1]
    tolerance = last if share >= last_share - 1e-9 else PERCENTILES[0][1]
    return tolerance.bounds(set_ms)[1] - set_ms


def _rate(one: Measurement, axes: Axes) -> None:
    at_s, accepted = one.series["at_s"], one.series["accepted_per_s"]
    row = one.rows[0]  # the rate
    axes.plot(at_s, accepted, color=_OBSERVED, linewidth=1.2, drawstyle="steps-mid")
    if row.low is not None and row.high is not None:
        axes.axhspan(row.low, row.high, color=_ALLOWED, alpha=0.3, linewidth=0)
    axes.set_ylim(0, max(accepted) * 1.12)
    axes.set_xlim(0, at_s[-1] + at_s[0])
    axes.set_xlabel("seconds")
    axes.set_ylabel("accepted per second")
    seen = "" if row.observed is None else f": {row.observed:,.2f}/s"
    axes.set_title(f"Limit {one.title}{seen}")


def _counts(one: Measurement, axes: Axes) -> None:
    """Counts of each kind of failure divided by the expected count, with the range of random variation."""
    rows = [r for r in one.rows if r.high and r.low is not None and r.set_value and r.observed is not None]
    for place, row in enumerate(reversed(rows)):
        wanted = row.set_value or 1.0
        axes.plot(
            [(row.low or 0) / wanted, (row.high or 0) / wanted],
            [place, place],
            color=_ALLOWED,
            alpha=0.4,
            linewidth=_bar_pt(len(rows)),
            solid_capstyle="butt",
        )
        colour = _OUT if row.verdict == "missed" else _OBSERVED
        axes.plot([(row.observed or 0) / wanted], [place], color=colour, marker="o", markersize=4)
    axes.axvline(1, color=_MUTED, linewidth=0.8)
    _name_lines(axes, [row.what.removeprefix("refused: ") for row in reversed(rows)])
    axes.set_xlabel("observed / set share; band: 99.9 % of random samples")
    axes.set_title(f"Failures of {one.title}")


def _edges(rows: Sequence[Row], axes: Axes) -> None:
    for place, row in enumerate(reversed(rows)):
        axes.plot(
            [row.low or 0, row.high or 0],
            [place, place],
            color=_ALLOWED,
            alpha=0.4,
            linewidth=_bar_pt(len(rows)),
            solid_capstyle="butt",
        )
        if row.observed is not None:
            colour = _OUT if row.verdict == "missed" else _OBSERVED
            axes.plot([row.observed], [place], color=colour, marker="o", markersize=4)
    axes.axvline(0, color=_MUTED, linewidth=0.8)
    _name_lines(axes, [row.what for row in reversed(rows)])
    axes.set_xlabel("edge observed - set, ms")
    axes.set_title("Fault windows")


def _bar_pt(count: int) -> float:
    """The thickness of each of ``count`` bars; its name is between it and the next."""
    return min(_BAR_PT, _BARS_PT / max(count, 1))


def _name_lines(axes: Axes, names: Sequence[str]) -> None:
    """Each name is above its line: there is no space next to it."""
    left, _ = axes.get_xlim()
    size = min(_NAME_PT, _NAMES_PT / max(len(names), 1))  # many names need a small font
    above = (2, _bar_pt(len(names)) / 2 + 1.5)
    for place, name in enumerate(names):
        axes.annotate(name, (left, place), above, textcoords="offset points", fontsize=size, color=_MUTED)
    axes.set_yticks([])
    axes.set_ylim(-0.5, len(names) - 0.05)
