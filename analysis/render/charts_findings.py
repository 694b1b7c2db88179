"""Charts of conclusions: the capacity search, and the effect of priorities."""

from __future__ import annotations

from matplotlib.figure import Figure

from analysis.classes import class_text
from analysis.formatting import rate_text, seconds_text
from analysis.model import RunReport
from analysis.render.chart_style import (
    BLUE,
    GREEN,
    MUTED,
    ORANGE,
    VERMILION,
    count_axis,
    legend_above,
    linear_seconds_axis,
    new_figure,
)

_TRIALS = (
    ("met", GREEN, "every objective met"),
    ("missed", VERMILION, "not sustained"),
    ("undecided", ORANGE, "undecided"),
    ("invalid", MUTED, "invalid"),
)


def capacity(report: RunReport, title: str) -> Figure | str:
    """The trials of the search in order, each at its rate; the band has the capacity."""
    found = report.capacity
    if found is None or not found.trials:
        return "this report has no capacity search"
    figure = new_figure(title, height_in=3.0)
    axes = figure.add_subplot()
    for verdict, colour, label in _TRIALS:
        chosen = [(i, each.rate_per_s) for i, each in enumerate(found.trials, 1) if each.verdict == verdict]
        if chosen:
            order, rates = zip(*chosen, strict=True)
            axes.plot(order, rates, marker="o", markersize=8, linestyle="none", color=colour, label=label)
    if found.sustained_per_s is not None:
        high = found.high_per_s or found.sustained_per_s
        axes.axhspan(
            found.low_per_s, max(high, found.low_per_s * 1.001), color=GREEN, alpha=0.15, linewidth=0
        )
        axes.axhline(found.sustained_per_s, color=GREEN, linewidth=1.2, linestyle=(0, (3, 1.5)))
        words = f"sustained\n{rate_text(found.sustained_per_s)}"
        axes.annotate(
            words,
            (1.0, found.sustained_per_s),
            xycoords=("axes fraction", "data"),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    axes.set_xlim(0.5, len(found.trials) + 0.5)
    axes.set_xticks(range(1, len(found.trials) + 1))
    axes.set_xlabel("trial")
    axes.set_ylabel("messages per second offered")
    count_axis(axes)
    legend_above(axes, columns=4)
    return figure


def priorities(report: RunReport, title: str) -> Figure | str:
    """The p95 of each class, with and without priorities."""
    compared = next((each for each in report.comparisons if each.kind == "priorities_vs_fifo"), None)
    shown = [one for one in compared.classes if one.part_p95_s and one.counterpart_p95_s] if compared else []
    if not shown:
        return "no part of this run is without priorities"
    figure = new_figure(title, height_in=1.5 + 0.55 * len(shown))
    axes = figure.add_subplot()
    longest = 0.0
    for row, one in enumerate(shown):
        for offset, value, colour, label in (
            (-0.18, one.counterpart_p95_s or 0.0, BLUE, "with priorities"),
            (0.18, one.part_p95_s or 0.0, ORANGE, "without priorities"),
        ):
            axes.barh(row + offset, value, height=0.32, color=colour, label=label if row == 0 else None)
            axes.annotate(
                seconds_text(value),
                (value, row + offset),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=8.5,
            )
            longest = max(longest, value)
    axes.set_yticks(range(len(shown)), [class_text(one.message_class) for one in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    linear_seconds_axis(axes, longest)
    axes.set_xlabel("95 % of the messages within")
    legend_above(axes, columns=2)
    return figure
