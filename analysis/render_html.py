"""``index.html``: one file without any outside reference; the charts stand in it as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis import tables
from analysis.facts import facts
from analysis.model import PartReport, Report
from analysis.render_png import Drawn
from analysis.render_text import part_tables


def write_html(report: Report, drawn: tuple[Drawn, ...], path: Path) -> None:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        report=report,
        objectives=tables.objectives(report),
        checks=tables.checks(report),
        ladder=tables.ladder(report),
        top_charts=[_chart(each) for each in drawn if not each.part],
        parts=[_part(part, drawn) for part in report.parts],
        untrusted=report.validity == "invalid",
    )
    path.write_text(page, encoding="utf-8")


def _part(part: PartReport, drawn: tuple[Drawn, ...]) -> dict[str, Any]:
    return {
        "slug": part.slug,
        "title": part.identity.title,
        "facts": facts(part.identity),
        "invalid": part.validity == "invalid",
        "probe": part.probe,
        "tables": part_tables(part),
        "charts": [_chart(each) for each in drawn if each.part == part.slug],
        "marks": part.marks,
    }


def _chart(drawn: Drawn) -> dict[str, Any]:
    # Our own SVG, made from numbers and class names that matplotlib has escaped.
    return {"title": drawn.title, "caption": drawn.caption, "svg": Markup(drawn.svg), "why": drawn.why}
