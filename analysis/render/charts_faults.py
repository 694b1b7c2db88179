"""The provider's faults on charts over time: shaded in the plot, named in a strip below."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.findings import FaultBand
from analysis.formatting import fault_text
from analysis.model import PartReport
from analysis.render.chart_style import MUTED, TimeScale, new_figure

FAULT_LABEL = "provider fault, named below"
_MOST_ROWS = 10  # with more faults, faults of one kind share a row
_ROW_IN = 0.17
_STRIP_IN = 0.12
_LONGEST_NAME = 24
_THINNEST = 0.003  # of the time axis; a shorter fault is drawn with this width


def time_panels(
    part: PartReport, title: str, height_in: float = 3.4, ratios: tuple[float, ...] = (1.0,)
) -> tuple[Figure, list[Axes], Axes | None]:
    """A figure with a panel for each of ``ratios``, and below them the faults' strip, if there were any."""
    rows = len(_rows(part))
    if not rows:
        figure = new_figure(title, height_in=height_in)
        return figure, _column(figure, ratios), None
    strip_in = _STRIP_IN + _ROW_IN * rows
    figure = new_figure(title, height_in=height_in + strip_in)
    share = strip_in / height_in * sum(ratios)
    *panels, strip = _column(figure, (*ratios, share))
    return figure, panels, strip


def draw_faults(
    part: PartReport, panels: list[Axes], strip: Axes | None, scale: TimeScale, until_s: float
) -> None:
    """Shade each fault's time in the panels; name it in the strip."""
    if strip is None:
        return
    rows = _rows(part)
    # In the legend of the first panel, since a picture can be used without its caption.
    label: str | None = FAULT_LABEL
    for index, bands in enumerate(rows.values()):
        for band in bands:
            from_s, to_s = _within(band, until_s)
            if from_s >= until_s:
                continue
            for axes in panels:
                axes.axvspan(
                    from_s * scale.factor,
                    to_s * scale.factor,
                    color=MUTED,
                    alpha=0.13,
                    linewidth=0,
                    label=label,
                )
                label = None
            strip.barh(
                index,
                (to_s - from_s) * scale.factor,
                left=from_s * scale.factor,
                height=0.62,
                color=MUTED,
                alpha=0.75,
                linewidth=0,
            )
    strip.set_yticks(range(len(rows)), [_shortened(name) for name in rows])
    strip.set_ylim(len(rows) - 0.4, -0.6)
    strip.tick_params(axis="y", length=0, labelsize=8)
    strip.grid(visible=False, axis="y")
    strip.spines["left"].set_visible(False)
    for axes in panels:
        axes.tick_params(axis="x", labelbottom=False)
        axes.set_xlabel("")


def _column(figure: Figure, ratios: tuple[float, ...]) -> list[Axes]:
    found = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)
    return [row[0] for row in found]


def _rows(part: PartReport) -> dict[str, list[FaultBand]]:
    """A row for each fault, or for each kind if there are many."""
    timed = [band for band in part.faults if band.from_s is not None]
    several = len({band.name for band in timed}) > _MOST_ROWS
    rows: dict[str, list[FaultBand]] = {}
    for band in timed:
        name = band.kind if several else band.name
        rows.setdefault(fault_text(name, band.kind, band.title), []).append(band)
    return rows


def _within(band: FaultBand, until_s: float) -> tuple[float, float]:
    from_s = max(band.from_s or 0.0, 0.0)
    to_s = until_s if band.to_s is None else min(band.to_s, until_s)
    return from_s, max(to_s, from_s + _THINNEST * until_s)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
