"""Charts without a time axis: percentile curves, stages, ladder. Each is a figure, or why there is none."""

from __future__ import annotations

import math
import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analysis.classes import ALL, class_text
from analysis.formatting import count_text, per_day_text, round_seconds_text, seconds_text
from analysis.model import Distribution, PartReport, RunReport
from analysis.render.chart_style import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    class_colour,
    legend_above,
    linear_seconds_axis,
    new_figure,
    seconds_axis,
)
from analysis.stage_times import StageBreakdown, StageTimes

_NINES = (50.0, 90.0, 95.0, 99.0, 99.9, 99.99)
_API_NAMES = {"api_response": "from the intended instant", "api_service": "from the send"}
_API_COLOURS = {"api_response": INK, "api_service": SKY}
_STAGE_COLOURS = (MUTED, SKY, ORANGE, PURPLE, BLUE, GREEN, VERMILION)
# By shape: the colours belong to the classes in the panel beside it.
_VERDICT_MARKERS = {"met": ("o", INK), "missed": ("X", INK), "undecided": ("o", "none")}
_LINE_CHARS = 116  # of text below a whole figure
_FAR_ABOVE = 12.0  # times the highest drawn value
_SHORTEST_S = 1e-5  # shorter and negative times are drawn here, at the end of the logarithmic axis


def nines(percentile: float) -> float:
    """Position on the log-percentile axis: 0 for p0, 1 for p90, 2 for p99."""
    return -math.log10(1.0 - percentile / 100.0)


def percentile_curves(part: PartReport, title: str) -> Figure | str:
    by_class = [each for each in part.delivery if each.message_class != ALL and _has_curve(each)]
    api = [each for each in part.api if _has_curve(each)]
    if not by_class and not api:
        return "too few messages for a percentile curve (it needs 6)"
    figure = new_figure(title, height_in=3.7)
    panels = figure.subplots(1, 2, squeeze=False)[0] if by_class and api else [figure.add_subplot()]
    if by_class:
        for index, each in enumerate(by_class):
            _draw_curve(
                panels[0], each, class_text(each.message_class), class_colour(each.message_class, index)
            )
        limits_s, far = _draw_limits(panels[0], part, _highest(by_class))
        _finish_curves(panels[0], by_class, limits_s, _wrapped(far, len(panels)))
        panels[0].set_ylabel("delivery time")
    if api:
        for each in api:
            _draw_curve(panels[-1], each, _API_NAMES[each.measure], _API_COLOURS[each.measure])
        _finish_curves(panels[-1], api, [])
        panels[-1].set_ylabel("time to the sender's answer")
    return figure


def _has_curve(each: Distribution) -> bool:
    """At least two points that are not all zero. In virtual time a sender answers at once."""
    return len(each.curve.percentiles) > 1 and max(each.curve.value_s) > 0


def _draw_curve(axes: Axes, each: Distribution, label: str, colour: str) -> None:
    x = [nines(percentile) for percentile in each.curve.percentiles]
    axes.fill_between(x, each.curve.low_s, each.curve.high_s, color=colour, alpha=0.18, linewidth=0)
    axes.plot(x, each.curve.value_s, color=colour, label=label)


def _wrapped(words: str, panels: int) -> str:
    """In lines that are not wider than a panel."""
    return textwrap.fill(words, _LINE_CHARS // panels)


def _draw_limits(axes: Axes, part: PartReport, highest_s: float) -> tuple[list[float], str]:
    """Bars at limits near the curves, and the words for limits far above, to keep the curves readable. The
    words are for a line below the axis: in the plot they would be over a mark.
    """
    drawn: list[float] = []
    far: list[str] = []
    for index, objective in enumerate(part.objectives):
        if objective.limit_s is None or objective.percentile is None:
            continue
        if objective.limit_s > _FAR_ABOVE * highest_s:
            far.append(f"{class_text(objective.message_class)} {round_seconds_text(objective.limit_s)}")
            continue
        axes.plot(
            [nines(objective.percentile)],
            [objective.limit_s],
            marker="_",
            markersize=16,
            markeredgewidth=2.2,
            linestyle="none",
            color=class_colour(objective.message_class, index),
        )
        drawn.append(objective.limit_s)
    if drawn:
        axes.plot([], [], marker="_", markersize=12, markeredgewidth=2.2, ls="none", color=INK, label="limit")
    return drawn, f"limits far above: {', '.join(far)}" if far else ""


def _highest(drawn: list[Distribution]) -> float:
    return max(value for each in drawn for value in each.curve.high_s)


def _finish_curves(axes: Axes, drawn: list[Distribution], limits_s: list[float], below: str = "") -> None:
    values = [value for each in drawn for value in (*each.curve.low_s, *each.curve.high_s) if value > 0]
    top = max(nines(each.curve.percentiles[-1]) for each in drawn)
    axes.set_xlim(0, max(top, nines(95.0)) * 1.03)
    axes.xaxis.set_major_locator(FixedLocator([nines(p) for p in _NINES if p != 95.0 or top < 2.5]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100.0 * (1.0 - 10.0**-x):.4g} %"))
    axes.set_xlabel("\n".join(filter(None, ("share of messages within this time", below))))
    seconds_axis(axes, min([*values, *limits_s]), max([*values, *limits_s]))
    legend_above(axes, columns=4)


def stages(part: PartReport, title: str) -> Figure | str:
    if not part.stages:
        return "no delivered message has every timestamp"
    figure = new_figure(title, height_in=3.6)
    spread = part.stages[-1] if part.stages[-1].end_to_end.p50_s is not None else None
    panels = figure.subplots(1, 2, width_ratios=(1.0, 1.25)) if spread else [figure.add_subplot()]
    delivered = {each.message_class: each.delivered for each in part.stage_coverage}
    _draw_shares(panels[0], [each for each in part.stages if each.message_class != ALL], delivered)
    if spread:
        _draw_ranges(panels[1], spread)
    return figure


def _draw_shares(axes: Axes, breakdowns: list[StageBreakdown], delivered: dict[str, int]) -> None:
    """Stacked means: they add up to the mean delivery time of the covered messages."""
    for row, breakdown in enumerate(breakdowns):
        reached = 0.0
        for stage, colour in zip(breakdown.stages, _STAGE_COLOURS, strict=False):
            if stage.name == "report":
                continue
            width = max(stage.mean_s, 0.0)
            axes.barh(
                row, width, left=reached, height=0.55, color=colour, label=stage.name if row == 0 else None
            )
            reached += width
        axes.annotate(
            seconds_text(breakdown.end_to_end.mean_s),
            (reached, row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    axes.set_yticks(range(len(breakdowns)), [_of_how_many(each, delivered) for each in breakdowns])
    axes.set_ylim(len(breakdowns) - 0.5, -0.5)
    linear_seconds_axis(axes, max(each.end_to_end.mean_s for each in breakdowns))
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("mean time by stage")
    legend_above(axes, columns=3)


def _of_how_many(breakdown: StageBreakdown, delivered: dict[str, int]) -> str:
    """The class; below it the number of messages with every timestamp, unless all have them."""
    name, all_of_it = breakdown.message_class, delivered.get(breakdown.message_class, breakdown.count)
    if breakdown.count == all_of_it:
        return name
    return f"{name}\n{count_text(breakdown.count)} of {count_text(all_of_it)}"


def _draw_ranges(axes: Axes, breakdown: StageBreakdown) -> None:
    """p50, p95 and p99 of each stage, if there are enough messages.

    The axis is logarithmic, since stages differ by a factor of a thousand.
    """
    listed: list[StageTimes] = [*breakdown.stages, breakdown.end_to_end]
    drawn: list[float] = []
    for row, stage in enumerate(listed):
        known = [value for value in (stage.p50_s, stage.p95_s, stage.p99_s) if value is not None]
        ends = [max(value, _SHORTEST_S) for value in known]
        drawn += ends
        colour = INK if stage is breakdown.end_to_end else _STAGE_COLOURS[row % len(_STAGE_COLOURS)]
        axes.plot(
            ends[:2], [row] * len(ends[:2]), color=colour, linewidth=5, solid_capstyle="butt", alpha=0.75
        )
        axes.plot(ends[1:], [row] * len(ends[1:]), color=colour, linewidth=1.6)
        axes.plot(ends[:1], [row] * len(ends[:1]), marker="o", markersize=6, color=colour, markeredgewidth=0)
        axes.plot(
            ends[2:], [row] * len(ends[2:]), marker="|", markersize=8, color=colour, markeredgewidth=1.6
        )
    axes.set_yticks(range(len(listed)), [stage.name for stage in listed])
    axes.set_ylim(len(listed) - 0.5, -0.5)
    seconds_axis(axes, min(drawn), max(drawn), which="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(
        f"dot 50 %, bar 95 %, tick 99 %\nwithin this time ({class_text(breakdown.message_class)})"
    )


def ladder(report: RunReport, title: str) -> Figure | str:
    if not report.levels:
        return "no part of this run has a level in messages a day"
    figure = new_figure(title, height_in=1.9 + 0.5 * len(report.levels))
    timed = any(level.fast_enough_part for level in report.levels)
    panels = figure.subplots(1, 2, width_ratios=(1.3, 1.0)) if timed else [figure.add_subplot()]
    _draw_levels(panels[0], report)
    if timed:
        _draw_level_times(panels[1], report)
    return figure


def _draw_levels(axes: Axes, report: RunReport) -> None:
    values: list[float] = []
    for row, level in enumerate(report.levels):
        asked, ten = float(level.messages_per_day), 10.0 * level.messages_per_day
        sustained, tried = level.highest_sustained_per_day, level.highest_tried_per_day
        if tried:
            axes.plot([asked, tried], [row, row], color=MUTED, linewidth=1.0, linestyle=(0, (1, 2)))
            axes.plot([tried], [row], marker="D", markersize=6, color=MUTED, markerfacecolor="none")
        if sustained:
            axes.plot([asked, sustained], [row, row], color=PURPLE, linewidth=3.0, alpha=0.7)
            axes.plot([sustained], [row], marker="D", markersize=7, color=PURPLE)
        marker, face = _VERDICT_MARKERS[level.fast_enough]
        axes.plot([asked], [row], marker=marker, markersize=9, color=INK, markerfacecolor=face)
        axes.plot([ten], [row], marker="|", markersize=18, markeredgewidth=1.8, color=INK)
        values += [asked, ten, sustained or asked, tried or asked]
    verdicts = (("met", "objectives met at the peak"), ("missed", "objectives missed"))
    keys = [
        (*_VERDICT_MARKERS[verdict], INK, label)
        for verdict, label in (*verdicts, ("undecided", "not proven"))
    ]
    keys += [("|", INK, INK, "ten times the level"), ("D", PURPLE, PURPLE, "highest sustained")]
    for marker, face, colour, label in keys:
        axes.plot(
            [],
            [],
            marker=marker,
            markerfacecolor=face,
            linestyle="none",
            color=colour,
            markersize=7,
            label=label,
        )
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 2, max(values) * 2)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short_per_day(value)))
    axes.set_yticks(
        range(len(report.levels)), [per_day_text(level.messages_per_day) for level in report.levels]
    )
    axes.set_ylim(len(report.levels) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_ylabel("level, messages a day")
    axes.set_xlabel("equivalent messages a day")
    legend_above(axes, columns=2)


def _short_per_day(value: float) -> str:
    """Tick labels for a narrow axis: 10,000 and 10 M."""
    return per_day_text(value).replace(" million", " M")


def _draw_level_times(axes: Axes, report: RunReport) -> None:
    """p95 delivery time of each class at each level's own rate; hollow: the maximum of too few messages."""
    by_slug = {part.slug: part for part in report.parts}
    values: list[float] = []
    seen: set[str] = set()
    for row, level in enumerate(report.levels):
        part = by_slug.get(level.fast_enough_part)
        timed = [each for each in part.objectives if each.quantile is not None] if part else []
        for index, objective in enumerate(timed):
            value = objective.quantile.value_s if objective.quantile else None
            slowest = _slowest(part, objective.message_class)
            shown = value if value is not None and math.isfinite(value) else slowest
            if shown is None or shown <= 0:
                continue
            colour, known = class_colour(objective.message_class, index), value is not None
            label = class_text(objective.message_class) if objective.message_class not in seen else None
            seen.add(objective.message_class)
            axes.plot(
                [shown],
                [row + 0.16 * (index - 1)],
                marker="o",
                markersize=7,
                linestyle="none",
                color=colour,
                markerfacecolor=colour if known else "none",
                label=label,
            )
            values.append(shown)
    axes.set_yticks(range(len(report.levels)), ["" for _ in report.levels])
    axes.set_ylim(len(report.levels) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    if values:
        seconds_axis(axes, min(values), max(values), which="x")
        axes.set_xlabel("95 % within (hollow: the slowest of too few)")
        legend_above(axes, columns=2)
    else:
        axes.set_xlabel("no delivery time at true speed")


def _slowest(part: PartReport | None, message_class: str) -> float | None:
    if part is None:
        return None
    return next((each.max_s for each in part.delivery if each.message_class == message_class), None)
