"""``index.html``: one file without external references; the charts are inline SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from analysis.first_screen.quoting import Quote
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import Figure, Sentence, as_text
from analysis.model import RunReport
from analysis.render import tables
from analysis.render.drawn_chart import DrawnChart
from analysis.render.facts import facts
from analysis.render.sections import part_sections, report_sections, undecisive
from analysis.render.table import Cell, Column

_SHORT, _LONG = 10, 40  # characters


def write_html(report: RunReport, drawn: tuple[DrawnChart, ...], path: Path) -> None:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(say=_linked, cell=_Places().cell, kind=css_class)
    page = environment.get_template("report.html.j2").render(
        report=report,
        screen=first_screen(report),
        sections=report_sections(report),
        checks=tables.checks(report),
        top_charts=[_chart(each) for each in drawn if not each.part],
        parts=[_part(report, place, drawn) for place, _ in enumerate(report.parts)],
    )
    path.write_text(page, encoding="utf-8")


def _part(report: RunReport, place: int, drawn: tuple[DrawnChart, ...]) -> dict[str, Any]:
    part = report.parts[place]
    return {
        "slug": part.slug,
        "title": (Quote(report).text(f"parts.{place}.identity.title"),),
        "facts": facts(part.identity),
        "invalid": part.validity == "invalid",
        "undecisive": undecisive(report, part),
        "tables": part_sections(report, place),
        "charts": [_chart(each) for each in drawn if each.part == part.slug],
    }


def _chart(drawn: DrawnChart) -> dict[str, Any]:
    # SVG of the report's charts: numbers, and class names that matplotlib escapes.
    return {"title": drawn.title, "caption": drawn.caption, "svg": Markup(drawn.svg), "why": drawn.why}


def css_class(cell: Cell, column: Column) -> str:
    """The CSS class of a cell. Short texts are not wrapped, long ones get more width."""
    size = len(cell if isinstance(cell, str) else as_text(cell))
    if column.align == "right":
        return "n long" if size > _LONG else "n"
    if column.shows_state:
        return "state"
    return "long" if size > _LONG else "short" if size <= _SHORT else ""


def _attributes(figure: Figure) -> Markup:
    number = "" if figure.number is None else f"{figure.number!r}"
    return Markup('data-source="{}" data-number="{}"').format(figure.source, number)


def _linked(sentence: Sentence) -> Markup:
    """A sentence of the first screen: each figure is a link to its cell."""
    html = Markup()
    for piece in sentence:
        if isinstance(piece, str):
            html += escape(piece)
        else:
            link = Markup('<a class="figure{}" href="#{}" {}>{}</a>')
            kind = " quoted" if piece.unit == "text" else ""
            html += link.format(kind, _id(piece), _attributes(piece), piece.text)
    return html


def _id(figure: Figure) -> str:
    return f"f-{figure.source.replace('.', '-')}"


class _Places:
    """Cells of tables. The first cell with a figure is the target of the first screen's link."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def cell(self, cell: Cell) -> Markup:
        if isinstance(cell, str):
            return escape(cell)
        html = Markup()
        for piece in cell:
            if isinstance(piece, str):
                html += escape(piece)
            elif piece.source in self._seen:
                html += escape(piece.text)
            else:
                self._seen.add(piece.source)
                place = Markup('<span id="{}" {}>{}</span>')
                html += place.format(_id(piece), _attributes(piece), piece.text)
        return html
