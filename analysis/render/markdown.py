"""``summary.md``: the first screen and the tables, as Markdown; and the verdict for a terminal."""

from __future__ import annotations

from pathlib import Path

from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import AnswerRow, FirstScreen, ScreenAnswer, as_text
from analysis.model import RunReport
from analysis.render import tables
from analysis.render.drawn_chart import DrawnChart
from analysis.render.sections import part_sections, report_sections, undecisive
from analysis.render.table import Cell, Table


def write_markdown(report: RunReport, drawn: tuple[DrawnChart, ...], path: Path) -> None:
    blocks = _screen(first_screen(report))
    for title, table in report_sections(report):
        blocks += [f"## {title}", _table(table)]
    blocks += [_picture(each) for each in drawn if not each.part]
    blocks += ["## Validity", _table(tables.checks(report))]
    for place, part in enumerate(report.parts):
        note = undecisive(report, part)
        blocks += [f"## {part.slug}", f"{part.identity.title}. {note}" if note else part.identity.title]
        for title, table in part_sections(report, place):
            blocks += [f"### {title}", _table(table)]
        blocks += [_picture(each) for each in drawn if each.part == part.slug]
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def terminal_lines(screen: FirstScreen) -> list[str]:
    """The verdict, the reason, for a NO the bottleneck; then how far to trust it."""
    flags = "".join(f" ({flag})" for flag in screen.flags)
    lines = [
        f"{screen.word}{flags}: {as_text(screen.why)}",
        *map(as_text, screen.bottleneck),
        as_text(screen.trust),
    ]
    return [line for line in lines if line]


def _screen(screen: FirstScreen) -> list[str]:
    flags = "".join(f"{flag}. " for flag in screen.flags)
    blocks = [f"# {screen.title}", screen.about, f"**{screen.word}. {flags}{as_text(screen.why)}**"]
    blocks += [as_text(sentence) for sentence in (screen.trust, *screen.bottleneck)]
    blocks += [f"> {note}" for note in screen.notes]
    blocks += [_answer(number, each) for number, each in enumerate(screen.answers, start=1)]
    blocks += [f"**{each.label}:** {' '.join(map(as_text, each.sentences))}" for each in screen.asides]
    return blocks


def _answer(number: int, answer: ScreenAnswer) -> str:
    about = f" ({answer.about})" if answer.about else ""
    lines = [f"{number}. **{answer.question}**{about}"]
    lines += [f"   - {row_text(row)}" for row in answer.rows]
    lines += [f"   - {as_text(sentence)}" for sentence in answer.sentences]
    return "\n".join(lines)


def row_text(row: AnswerRow) -> str:
    """``OTP: 95 % within 8.10 s (7.60 s to 8.60 s), limit 10 s: met``."""
    label = f"{row.label}: " if row.label else ""
    interval = f" {as_text(row.interval)}" if row.interval else ""
    limit = f", {as_text(row.limit)}" if row.limit else ""
    verdict = f": {row.verdict.text}" if row.verdict else ""
    return f"{label}{as_text(row.value)}{interval}{limit}{verdict}"


def _picture(drawn: DrawnChart) -> str:
    return f"*{drawn.title}: not drawn, {drawn.why}.*" if drawn.why else f"![{drawn.title}]({drawn.file})"


def _cell(cell: Cell) -> str:
    text = cell if isinstance(cell, str) else as_text(cell)
    value, _, interval = text.partition("\n")
    shown = f"{value} ({interval})" if interval else value
    return shown.replace("|", "\\|")


def _table(table: Table) -> str:
    if not table.rows:
        return "*none*"
    header = [column.name for column in table.columns]
    rule = ["---:" if column.align == "right" else "---" for column in table.columns]
    rows: list[tuple[Cell, ...] | list[str]] = [header, rule, *table.rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows)
