"""Charts over time: rates, delivery times, backlogs, the burst. Each is a figure, or why there is none."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.classes import class_text
from analysis.formatting import RATE_OF_DELIVERIES, counted_text
from analysis.model import BurstResult, PartReport, Points, Series
from analysis.render.chart_style import (
    BLUE,
    GREEN,
    MUTED,
    ORANGE,
    TimeScale,
    class_colour,
    count_axis,
    day_hours,
    legend_above,
    load_end_line,
    seconds_axis,
)
from analysis.render.charts_faults import draw_faults, time_panels

# Offered is below the others, wide and pale, so that it stays visible.
_RATE_STYLES = {"offered": (MUTED, 5.0, 0.35), "accepted": (BLUE, 1.6, 1.0), "delivered": (GREEN, 1.6, 1.0)}
_RATE_WORDS = {"offered": "offered", "accepted": "accepted", "delivered": RATE_OF_DELIVERIES}
_MOST_POINTS = 400
_OVER_DAY_HOURS = 0.19  # height of the second time axis above the plot, relative to the plot's height
_FEWEST = 20  # messages; with fewer, a chart over time would show single messages


def rates(part: PartReport, title: str) -> Figure | str:
    line = part.timeline
    shown = [series for series in line.rates if any(series.value)]
    if not shown:
        return "no message was due in this run"
    if part.accounting.rows < _FEWEST:
        return f"{counted_text(part.accounting.rows)} are too few for a rate"
    figure, (axes,), strip = time_panels(part, title)
    scale = TimeScale(line.end_s)
    for series in shown:
        _draw_rate(axes, scale, series, _RATE_WORDS[series.name])
    count_axis(axes)
    axes.set_ylabel(f"messages per second (mean of {line.bin_s:g} s)")
    _time_axis(part, axes, strip, scale, line.end_s)
    return figure


def _draw_rate(axes: Axes, scale: TimeScale, series: Series, label: str) -> None:
    colour, width, alpha = _RATE_STYLES[series.name]
    axes.plot(scale.of(series.at_s), _gaps(series), color=colour, linewidth=width, alpha=alpha, label=label)


def latency(part: PartReport, title: str) -> Figure | str:
    line = part.timeline
    if not any(_some(series) for series in line.latency_p50) and not any(p.at_s for p in line.points):
        return "no message was delivered in this run"
    if part.accounting.rows < _FEWEST:
        return f"{counted_text(part.accounting.rows)} are too few for a chart over time"
    figure, (axes,), strip = time_panels(part, title)
    scale = TimeScale(line.load_end_s)  # the x axis is the intended start
    _draw_latency(part, axes, scale)
    axes.set_ylabel("delivery time, from due to handset")
    _time_axis(part, axes, strip, scale, line.load_end_s)
    return figure


def _draw_latency(part: PartReport, axes: Axes, scale: TimeScale) -> None:
    line = part.timeline
    for index, (middle, high) in enumerate(zip(line.latency_p50, line.latency_p95, strict=True)):
        colour = class_colour(middle.name, index)
        # Single bins make no line: the median has dots then, the other percentile is not drawn.
        single: dict[str, Any] = (
            {} if _has_line(middle) else {"linestyle": "none", "marker": "o", "markersize": 3.2}
        )
        if _some(middle):
            label = f"{middle.name}, half within"
            axes.plot(scale.of(middle.at_s), _gaps(middle), color=colour, label=label, **single)
        if _has_line(high):
            axes.plot(
                scale.of(high.at_s),
                _gaps(high),
                color=colour,
                linewidth=1.0,
                linestyle=(0, (3, 1.5)),
                label=f"{high.name}, 95 % within",
            )
    for index, points in enumerate(line.points):
        if points.at_s:
            _draw_points(axes, scale, points, class_colour(points.name, index))
    low_s, high_s = _spread(line.latency_p50 + line.latency_p95, line.points)
    seconds_axis(axes, low_s, high_s)


def _draw_points(axes: Axes, scale: TimeScale, points: Points, colour: str) -> None:
    step = max(1, math.ceil(len(points.at_s) / _MOST_POINTS))
    axes.plot(
        scale.of(points.at_s)[::step],
        points.value_s[::step],
        linestyle="none",
        marker="o",
        markersize=3.2 if len(points.at_s) > 60 else 6.0,
        markeredgewidth=0,
        alpha=0.8,
        color=colour,
        label=f"{points.name} (each message)",
    )


def _spread(series: tuple[Series, ...], points: tuple[Points, ...]) -> tuple[float, float]:
    values = [value for each in series for value in each.value if value is not None and value > 0]
    values += [value for each in points for value in each.value_s if value > 0]
    return (min(values), max(values)) if values else (0.1, 1.0)


def backlog(part: PartReport, title: str) -> Figure | str:
    line = part.timeline
    if line.peak_unsubmitted <= 0 and line.peak_undelivered <= 0:
        return "no message waited"
    if part.accounting.rows < _FEWEST:
        return f"{counted_text(part.accounting.rows)} are too few for a backlog"
    figure, (axes,), strip = time_panels(part, title)
    scale = TimeScale(line.end_s)
    _draw_backlog(part, axes, scale)
    axes.set_ylabel("messages")
    _time_axis(part, axes, strip, scale, line.end_s)
    return figure


def _draw_backlog(part: PartReport, axes: Axes, scale: TimeScale) -> None:
    for series, colour in zip(part.timeline.backlog, (ORANGE, BLUE), strict=True):
        axes.plot(scale.of(series.at_s), _gaps(series), color=colour, label=series.name)
        axes.fill_between(scale.of(series.at_s), _gaps(series), color=colour, alpha=0.12, linewidth=0)
    count_axis(axes, whole=True)


def burst(part: PartReport, title: str) -> Figure | str:
    found = part.burst
    if found is None:
        return "no burst was found in the arrivals"
    figure, (upper, middle, lower), strip = time_panels(part, title, 6.4, (1.0, 1.0, 1.3))
    scale = TimeScale(part.timeline.end_s)
    _draw_burst_rates(upper, scale, found)
    _draw_backlog(part, middle, scale)
    middle.set_ylabel("messages")
    _draw_latency(part, lower, scale)
    lower.set_ylabel("delivery time")
    scale.mark(strip or lower)
    draw_faults(part, [upper, middle, lower], strip, scale, part.timeline.end_s)
    for axes in (upper, middle, lower):
        _mark_burst(axes, scale, found, lines=strip is not None, named=axes is upper)
        axes.set_xlim(0, part.timeline.end_s * scale.factor)
        legend_above(axes, columns=4)
    return figure


def _mark_burst(axes: Axes, scale: TimeScale, found: BurstResult, lines: bool, named: bool) -> None:
    """The burst, shaded or between ``lines`` (faults are shaded too). ``named``: in the legend."""
    from_x, to_x = found.from_s * scale.factor, found.to_s * scale.factor
    if lines:
        for x, label in ((from_x, "start and end of the burst"), (to_x, None)):
            axes.axvline(x, color=MUTED, linewidth=1.0, linestyle=(0, (1, 2)), label=label if named else None)
    else:
        label = "time of the burst" if named else None
        axes.axvspan(from_x, to_x, color=MUTED, alpha=0.10, linewidth=0, label=label)


def _draw_burst_rates(axes: Axes, scale: TimeScale, found: BurstResult) -> None:
    for series in (found.offered, found.delivered):
        _draw_rate(
            axes,
            scale,
            series,
            f"{class_text(found.message_class)} of the burst, {_RATE_WORDS[series.name]}",
        )
    axes.set_ylabel("messages per second")
    count_axis(axes)


def _some(series: Series) -> bool:
    return any(value is not None for value in series.value)


def _has_line(series: Series) -> bool:
    """Whether two bins that follow each other are known."""
    return any(None not in both for both in pairwise(series.value))


def _gaps(series: Series) -> list[float]:
    return [math.nan if value is None else value for value in series.value]


def _time_axis(part: PartReport, axes: Axes, strip: Axes | None, scale: TimeScale, end_s: float) -> None:
    line = part.timeline
    scale.mark(strip or axes)
    draw_faults(part, [axes], strip, scale, end_s)
    axes.set_xlim(0, end_s * scale.factor)
    load_end_line(axes, line.load_end_s, end_s, scale)
    played_as_a_day = part.identity.window == "day" and part.identity.speedup != 1.0
    if played_as_a_day:
        day_hours(axes, scale, part.identity.speedup)
    legend_above(axes, columns=6, raised=_OVER_DAY_HOURS if played_as_a_day else 0.0)
