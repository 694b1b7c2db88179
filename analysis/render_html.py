"""``index.html``: one file without any outside reference; the charts stand in it as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis import tables
from analysis.figures import TIMES, seconds_text
from analysis.model import Identity, PartReport, Report
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
        "facts": _facts(part.identity),
        "invalid": part.validity == "invalid",
        "probe": part.probe,
        "tables": part_tables(part),
        "charts": [_chart(each) for each in drawn if each.part == part.slug],
        "marks": part.marks,
    }


def _chart(drawn: Drawn) -> dict[str, Any]:
    # Our own SVG, made from numbers and class names that matplotlib has escaped.
    return {"title": drawn.title, "caption": drawn.caption, "svg": Markup(drawn.svg), "why": drawn.why}


def _facts(identity: Identity) -> list[tuple[str, str]]:
    """What was run, for those who want to run it again."""
    pace = "true speed" if identity.compress == 1.0 else f"{identity.compress:g} {TIMES} as dense as the day"
    if identity.provider_scale != 1.0:
        pace += f", provider scaled {TIMES} {identity.provider_scale:g}"
    facts = [
        ("scenario", identity.name),
        ("mode", identity.mode),
        ("provider profile", identity.profile or "unknown"),
        ("messages a day", f"{identity.messages_per_day:,}" if identity.messages_per_day else "-"),
        ("pace", pace),
        ("load", seconds_text(identity.load_s)),
        ("observed after the load", seconds_text(identity.drained_s)),
        ("started", identity.started),
        ("ended", f"{identity.ended} ({identity.exit_reason})"),
        ("seeds", _pairs(identity.seeds)),
        ("machine", _pairs(identity.machine)),
        ("versions", _pairs(identity.versions)),
        ("target", _pairs(identity.target)),
        ("parameters", _pairs(identity.parameters)),
    ]
    return [(name, value) for name, value in facts if value]


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
