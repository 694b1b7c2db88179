"""Reads a rendered page: the figures of its first screen, and the cells that they lead to."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from analysis.first_screen.quoting import lookup, plain_text
from analysis.model import RunReport
from analysis.render.data import write_json
from analysis.render.html import write_html
from analysis.render.markdown import write_markdown


@dataclass
class ShownNumber:
    source: str
    number: str
    text: str = ""
    leads_to: str = ""


class Page(HTMLParser):
    """``quoted``: figures of the first screen. ``cells``: by id. ``top`` and ``below``: all words of each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.quoted: list[ShownNumber] = []
        self.cells: dict[str, ShownNumber] = {}
        self.ids: list[str] = []
        self.top, self.below = "", ""
        self._open: ShownNumber | None = None
        self._in_top = True
        self._skip = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if "id" in found:
            self.ids.append(found["id"])
        if tag in ("style", "svg"):
            self._skip += 1
        if tag == "nav":
            self._in_top = False
        if "data-source" in found:
            self._open = ShownNumber(
                found["data-source"], found["data-number"], leads_to=found.get("href", "")
            )
            if tag == "a":
                self.quoted.append(self._open)
            else:
                self.cells[found["id"]] = self._open

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "svg"):
            self._skip -= 1
        if tag in ("a", "span"):
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._open.text += data
        if self._skip == 0 and self._in_top:
            self.top += data
        elif self._skip == 0:
            self.below += data


def rendered(report: RunReport, out_dir: Path) -> tuple[str, str, dict[str, Any]]:
    """The page, the Markdown summary and ``summary.json`` of a report."""
    write_html(report, (), out_dir / "index.html")
    write_markdown(report, (), out_dir / "summary.md")
    write_json(report, out_dir / "summary.json")
    return (
        (out_dir / "index.html").read_text(encoding="utf-8"),
        (out_dir / "summary.md").read_text(encoding="utf-8"),
        json.loads((out_dir / "summary.json").read_text(encoding="utf-8")),
    )


def disagreements(html: str, summary: dict[str, Any]) -> list[str]:
    """Figures of the first screen that differ from the cell they lead to, or from ``summary.json``."""
    page, found = Page(html), []
    if len(page.ids) != len(set(page.ids)):
        found.append("an id stands twice")
    for figure in page.quoted:
        cell = page.cells.get(figure.leads_to.removeprefix("#"))
        if cell is None:
            found.append(f"{figure.text!r} ({figure.source}) leads to no cell")
            continue
        if cell.source != figure.source or cell.number != figure.number:
            found.append(f"{figure.text!r} is {figure.number} above and {cell.number} below")
        if plain_text(figure.text).lower() not in plain_text(cell.text).lower():
            found.append(f"{figure.text!r} above is {cell.text!r} below ({figure.source})")
        value = lookup(summary, figure.source)
        if figure.number and not math.isclose(float(figure.number), value, rel_tol=1e-9):
            found.append(f"{figure.text!r} is {value} in summary.json")
    return found


def without_spaces(text: str) -> str:
    return "".join(text.split())
