"""``summary.md``: the first screen and the tables, as Markdown."""

from __future__ import annotations

from pathlib import Path

from analysis import tables
from analysis.model import PartReport, Report
from analysis.render_png import Drawn
from analysis.tables import Table


def write_markdown(report: Report, drawn: tuple[Drawn, ...], path: Path) -> None:
    blocks = [f"# {report.title}", f"**{_flags(report)}{report.headline}**"]
    blocks += [f"> {note}" for note in report.notes]
    for answer in report.answers:
        lines = "\n".join(f"- {line}" for line in answer.lines)
        blocks.append(f"**{answer.question}** {answer.headline}\n\n{lines}")
    blocks += ["## Objectives", _table(tables.objectives(report))]
    if report.levels:
        blocks += ["## Ladder", _table(tables.ladder(report))]
    blocks += [_picture(each) for each in drawn if not each.part]
    blocks += ["## How far to trust it", _table(tables.checks(report))]
    for part in report.parts:
        blocks += _part(part, tuple(each for each in drawn if each.part == part.slug))
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def _flags(report: Report) -> str:
    flags = (["INVALID RUN"] if report.validity == "invalid" else []) + (
        ["INCOMPLETE"] if report.interrupted else []
    )
    flags += ["SIMULATED"] if report.simulated else []
    return "".join(f"{flag}. " for flag in flags)


def _part(part: PartReport, drawn: tuple[Drawn, ...]) -> list[str]:
    blocks = [f"## {part.slug}", part.identity.title]
    for title, table in part_tables(part):
        blocks += [f"### {title}", _table(table)]
    return blocks + [_picture(each) for each in drawn]


def part_tables(part: PartReport) -> list[tuple[str, Table]]:
    """The tables of a part, in order; one without rows is left out."""
    scaled = " (compressed seconds)" if part.identity.provider_scale != 1.0 else ""
    listed = [
        ("Rates", tables.rates(part)),
        (f"Delivery time{scaled}", tables.delivery(part)),
        ("Sender's answer", tables.api(part)),
        (f"Stages{scaled}", tables.stages(part)),
        ("Messages in the stages", tables.stage_coverage(part)),
        *((f"Stages of messages that lack a mark{scaled}", each) for each in tables.stages_merged(part)),
        ("Burst", tables.burst(part)),
        ("Faults of the provider", tables.faults(part)),
        ("Ledger", tables.ledger(part)),
        ("Why messages did not arrive", tables.reasons(part)),
        ("Cost", tables.cost(part)),
    ]
    return [(title, table) for title, table in listed if table.rows]


def _picture(drawn: Drawn) -> str:
    return f"*{drawn.title}: not drawn, {drawn.why}.*" if drawn.why else f"![{drawn.title}]({drawn.file})"


def _cell(text: str) -> str:
    value, _, interval = text.partition("\n")
    words = f"{value} ({interval})" if interval else value
    return words.replace("|", "\\|")


def _table(table: Table) -> str:
    if not table.rows:
        return "*none*"
    columns = range(len(table.header))
    rule = ["---:" if column >= table.numeric_from else "---" for column in columns]
    rows = [table.header, rule, *table.rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows)
