"""Writes all of ``RUN_DIR/report/``."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

from analysis.model import RunReport
from analysis.records import RESULT
from analysis.render.data import write_json, write_junit, write_ladder, write_percentiles, write_timeline
from analysis.render.drawn_chart import DrawnChart
from analysis.render.html import write_html
from analysis.render.markdown import write_markdown

# The result first: without it the rest is not a complete report.
_FILES = (
    *(RESULT, "index.html", "summary.md", "summary.json"),
    *("percentiles.csv", "ladder.csv", "timeline.csv", "junit.xml"),
)


def write_report(
    report: RunReport,
    out_dir: Path,
    progress: Callable[[str], None] = lambda line: None,
    *,
    charts: bool = True,
) -> None:
    """Write all files. An earlier report is removed first, and an incomplete one if writing fails.

    Without ``charts`` no chart is drawn: the page has its words and tables, and there are no PNG files.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    _remove(out_dir)
    try:
        _write(report, out_dir, progress, charts)
    except BaseException:
        _remove(out_dir)
        raise


def _remove(out_dir: Path) -> None:
    exports = (out_dir.glob("*messages.csv"), out_dir.glob("*messages.parquet"))
    for stale in (*(out_dir / name for name in _FILES), *out_dir.glob("*.png"), *chain(*exports)):
        stale.unlink(missing_ok=True)


def _write(report: RunReport, out_dir: Path, progress: Callable[[str], None], charts: bool) -> None:
    write_json(report, out_dir / "summary.json")
    write_percentiles(report, out_dir / "percentiles.csv")
    write_ladder(report, out_dir / "ladder.csv")
    write_timeline(report, out_dir / "timeline.csv")
    write_junit(report, out_dir / "junit.xml")
    drawn: tuple[DrawnChart, ...] = ()
    if charts:
        from analysis.render.png import draw_all  # here: the charts' library takes a second to load

        drawn = draw_all(report, out_dir, progress)
    progress("writing the page")
    write_markdown(report, drawn, out_dir / "summary.md")
    write_html(report, drawn, out_dir / "index.html")
