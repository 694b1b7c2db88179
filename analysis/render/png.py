"""Draws every chart of a report once, as a PNG file and as inline SVG."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from analysis.render import plain_matplotlib  # noqa: F401  # isort: skip  # before matplotlib
from matplotlib.figure import Figure

from analysis.first_screen.screen import first_screen
from analysis.formatting import TIMES
from analysis.model import PartReport, RunReport
from analysis.render import charts_distribution, charts_findings, charts_time
from analysis.render.chart_style import save_png, styled, svg_text
from analysis.render.charts_screen import first_screen_picture
from analysis.render.drawn import Drawn

PartChart = Callable[[PartReport, str], Figure | str]
ReportChart = Callable[[RunReport, str], Figure | str]

# Name of the file, title, what the reader sees, and the function that draws it.
_PART_CHARTS: tuple[tuple[str, str, str, PartChart], ...] = (
    (
        "percentiles",
        "How long messages take",
        "How long the slowest messages take: each step to the right is ten times rarer. The band is the 95 % "
        "interval; a curve ends where the messages no longer carry it, or where some were still open. "
        "Right: the sender's answer, counted from the instant a message was due and from the send; where the "
        "two part, the load itself was late.",
        charts_distribution.percentile_curves,
    ),
    (
        "latency",
        "Delivery time during the run",
        "By the instant at which messages were due: the time within which half of them, and 95 % of them, "
        "arrived. A gap: too few messages for it, or not delivered by the end.",
        charts_time.latency,
    ),
    (
        "rates",
        "Offered, accepted and delivered",
        "Where accepted falls under offered, the sender gave way; where delivered lags, a queue fills.",
        charts_time.rates,
    ),
    ("backlog", "Messages that wait", "Messages waiting at each moment.", charts_time.backlog),
    (
        "stages",
        "Where the time goes",
        "Left: mean times, which add up to the mean delivery time. Where some messages lack a mark, it "
        "says of how many it is; the others have a table of their own. Right: the spread of each stage, on a "
        "logarithmic axis, without the percentiles of too few messages; the report to the sender comes after "
        "the delivery. Times under 10 µs are drawn at 10 µs.",
        charts_distribution.stages,
    ),
)
_BURST_CHART: tuple[str, str, str, PartChart] = (
    "burst",
    "What a burst does to OTPs",
    "Shaded: the burst. Above: the burst's own messages. Middle: the backlog it leaves. Below: what it does "
    "to the delivery times of each class.",
    charts_time.burst,
)


_REPORT_CHARTS: tuple[tuple[str, str, str, ReportChart], ...] = (
    (
        "capacity",
        "How much it sustains",
        "Each dot is a short run at one rate. The band lies between the highest rate at which all objectives "
        "were met and the lowest at which one was missed.",
        charts_findings.capacity,
    ),
    (
        "ladder",
        "Messages a day that were carried",
        "Each level's own pace, and the most messages a day that a part carried with every objective met.",
        charts_distribution.ladder,
    ),
    (
        "priorities",
        "What priorities are worth",
        "The same burst with the sender's priorities and without them, both in virtual time.",
        charts_findings.priorities,
    ),
)
_PARTS_A_PROCESS = 2  # of fewer, drawing is as quick as a process's start
_WITH_FAULTS = frozenset(["latency", "rates", "backlog", "burst"])
_BURST_SHADE = ("Shaded: the burst.", "Between the dotted lines: the burst.")
_FAULTS_CAPTION = "In grey: the times of the provider's faults, named below the plot."


def draw_all(report: RunReport, out_dir: Path, progress: Callable[[str], None]) -> tuple[Drawn, ...]:
    """Write the PNG files and return all charts in the order of the page."""
    drawn = [_of_report(report, out_dir, *chart) for chart in _REPORT_CHARTS if _asked(report, chart[0])]
    with styled():
        save_png(first_screen_picture(first_screen(report)), out_dir / "first-screen.png")
    # What another part is compared with has its messages: tables show the two, and its charts are alike.
    compared = {part.identity.counterpart for part in report.parts} - {""}
    parts = [part for part in report.parts if part.slug not in compared]
    for number, of_part in enumerate(_of_parts(report.kind, parts, out_dir), start=1):
        progress(f"drew the charts of part {number} of {len(parts)}")
        drawn += of_part
    return tuple(drawn)


def _of_parts(kind: str, parts: Sequence[PartReport], out_dir: Path) -> Iterator[list[Drawn]]:
    """The charts of each part, in order. Drawing takes the most of a suite's report: all cores share it."""
    draw = partial(_of_part, kind, out_dir)
    processes = min(os.cpu_count() or 1, len(parts) // _PARTS_A_PROCESS)
    if processes < 2:
        yield from map(draw, parts)
        return
    # Spawned, not forked: a fork would not take pyarrow's threads along, and a lock that one of them holds
    # would never be released.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(draw, parts)


def _of_part(kind: str, out_dir: Path, part: PartReport) -> list[Drawn]:
    drawn = []
    charts = (*_PART_CHARTS, _BURST_CHART) if part.identity.role == "burst" else _PART_CHARTS
    for name, title, caption, draw in charts:
        with styled():
            figure = draw(part, _part_title(title, kind, part))
        prefix = f"{part.slug}-" if kind == "suite" else ""
        if part.faults and name in _WITH_FAULTS:
            caption = f"{caption.replace(*_BURST_SHADE)} {_FAULTS_CAPTION}"
        drawn.append(_save(figure, (name, title, caption), part.slug, out_dir, prefix))
    return drawn


def _asked(report: RunReport, name: str) -> bool:
    """Whether the report has what the chart shows: one that was not asked is not missed."""
    kinds = {each.kind for each in report.comparisons}
    asked = {
        "ladder": bool(report.levels),
        "capacity": report.capacity is not None,
        "priorities": "priorities_vs_fifo" in kinds,
    }
    return asked[name]


def _of_report(
    report: RunReport, out_dir: Path, name: str, title: str, caption: str, draw: ReportChart
) -> Drawn:
    with styled():
        # A capacity search is run live, whatever else the suite has.
        figure = draw(report, title if name == "capacity" else _report_title(title, report))
    return _save(figure, (name, title, caption), "", out_dir)


def _report_title(title: str, report: RunReport) -> str:
    """What must not be missed on a picture that travels alone stands in its title."""
    return _joined(title, "SIMULATED" * report.simulated, "INVALID RUN" * (report.validity == "invalid"))


def _part_title(title: str, kind: str, part: PartReport) -> str:
    """Like ``_report_title``."""
    identity = part.identity
    pace = ""
    if identity.provider_scale != 1.0:
        pace = "compressed seconds"
    elif identity.speedup != 1.0:
        pace = f"{TIMES} {identity.speedup:g} as dense"
    return _joined(
        title,
        part.slug if kind == "suite" else "",
        "SIMULATED" if identity.mode == "simulated" else "",
        pace,
        "INVALID RUN" if part.validity == "invalid" else "",
    )


def _joined(*words: str) -> str:
    return "  ·  ".join(filter(None, words))


def _save(
    figure: Figure | str, words: tuple[str, str, str], slug: str, out_dir: Path, prefix: str = ""
) -> Drawn:
    name, title, caption = words
    if isinstance(figure, str):
        return Drawn(name=name, title=title, caption=caption, part=slug, file="", svg="", why=figure)
    file = f"{prefix}{name}.png"
    save_png(figure, out_dir / file)
    svg = svg_text(figure, f"{prefix}{name}")
    return Drawn(name=name, title=title, caption=caption, part=slug, file=file, svg=svg, why="")
