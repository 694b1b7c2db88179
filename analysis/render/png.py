"""Draws every chart of a report once, as a PNG file and as inline SVG."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from analysis.render import plain_matplotlib  # noqa: F401  # isort: skip  # before matplotlib
from matplotlib.figure import Figure

from analysis.first_screen.screen import first_screen
from analysis.formatting import TIMES
from analysis.model import PartReport, RunReport
from analysis.processes import spread
from analysis.render.chart_style import save_png, styled, svg_text
from analysis.render.charts import PART_CHARTS, REPORT_CHARTS, ReportChart
from analysis.render.charts_screen import first_screen_picture
from analysis.render.drawn_chart import DrawnChart

PARTS_PER_PROCESS = 2  # with fewer, drawing them takes no longer than starting a process


def draw_all(report: RunReport, out_dir: Path, progress: Callable[[str], None]) -> tuple[DrawnChart, ...]:
    """Write the PNG files and return all charts in the order of the page."""
    drawn = [_of_report(report, out_dir, chart) for chart in REPORT_CHARTS if chart.asked(report)]
    with styled():
        save_png(first_screen_picture(first_screen(report)), out_dir / "first-screen.png")
    # A counterpart has the same messages and similar charts, so only tables compare the two.
    compared = {part.identity.counterpart for part in report.parts} - {""}
    parts = [part for part in report.parts if part.slug not in compared]
    draw = partial(_of_part, report.kind, out_dir)
    # Drawing takes most of a report's time.
    for number, of_part in enumerate(spread(draw, parts, PARTS_PER_PROCESS), start=1):
        progress(f"drew the charts of part {number} of {len(parts)}")
        drawn += of_part
    return tuple(drawn)


def _of_part(kind: str, out_dir: Path, part: PartReport) -> list[DrawnChart]:
    drawn = []
    for chart in PART_CHARTS:
        if not chart.asked(part):
            continue
        with styled():
            figure = chart.draw(part, _part_title(chart.title, kind, part))
        prefix = f"{part.slug}-" if kind == "suite" else ""
        words = (chart.name, chart.title, chart.caption_of(part))
        drawn.append(_save(figure, words, part.slug, out_dir, prefix))
    return drawn


def _of_report(report: RunReport, out_dir: Path, chart: ReportChart) -> DrawnChart:
    with styled():
        figure = chart.draw(report, chart.title if chart.live else _report_title(chart.title, report))
    return _save(figure, (chart.name, chart.title, chart.caption), "", out_dir)


def _report_title(title: str, report: RunReport) -> str:
    """The title with warnings that must be visible on a picture without its page."""
    return _joined(title, "SIMULATED" * report.simulated, "INVALID RUN" * (report.validity == "invalid"))


def _part_title(title: str, kind: str, part: PartReport) -> str:
    """Like ``_report_title``."""
    identity = part.identity
    speed = ""
    if identity.provider_scale != 1.0:
        speed = "compressed seconds"
    elif identity.speedup != 1.0:
        speed = f"{identity.speedup:g} {TIMES} the day's rate"
    return _joined(
        title,
        part.slug if kind == "suite" else "",
        "SIMULATED" if identity.mode == "simulated" else "",
        speed,
        "INVALID RUN" if part.validity == "invalid" else "",
    )


def _joined(*words: str) -> str:
    return "  ·  ".join(filter(None, words))


def _save(
    figure: Figure | str, words: tuple[str, str, str], slug: str, out_dir: Path, prefix: str = ""
) -> DrawnChart:
    name, title, caption = words
    if isinstance(figure, str):
        return DrawnChart(name=name, title=title, caption=caption, part=slug, file="", svg="", why=figure)
    file = f"{prefix}{name}.png"
    save_png(figure, out_dir / file)
    svg = svg_text(figure, f"{prefix}{name}")
    return DrawnChart(name=name, title=title, caption=caption, part=slug, file=file, svg=svg, why="")
