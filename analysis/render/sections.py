"""Titles and tables below the first screen, in order, for page and Markdown."""

from __future__ import annotations

from analysis.judge.verdict import deciding_parts
from analysis.model import PartReport, RunReport
from analysis.render import tables, tables_findings, tables_part
from analysis.render.table import Table

TitledTable = tuple[str, Table]
_UNDECISIVE = "This part does not decide the verdict, except by lost, duplicate or unaccounted messages."


def report_sections(report: RunReport) -> list[TitledTable]:
    """Tables of the whole report except validity, which follows the charts. Empty tables are left out."""
    listed = [
        ("Objectives", tables.objectives(report)),
        ("Capacity", tables_findings.capacity(report)),
        ("Levels", tables.ladder(report)),
        *tables_findings.comparisons(report),
        ("Totals", tables_findings.totals(report)),
        ("Ending", tables_findings.ending(report)),
    ]
    return [(f"{title[:1].upper()}{title[1:]}", table) for title, table in listed if table.rows]


def undecisive(report: RunReport, part: PartReport) -> str:
    """The note on a part beside which other parts decide the verdict; "" for one that decides it."""
    return "" if part.slug in {each.slug for each in deciding_parts(report.parts)} else _UNDECISIVE


def part_sections(report: RunReport, place: int) -> list[TitledTable]:
    """The tables of a part. Empty tables are left out."""
    part = report.parts[place]
    scaled = " (compressed seconds)" if part.identity.provider_scale != 1.0 else ""
    listed = [
        ("Objectives", tables.question(report, place)),
        ("Bottlenecks", tables_findings.bottlenecks(report, place)),
        (f"Delivery time{scaled}", tables_part.delivery(report, place)),
        *((f"{title}{scaled}", table) for title, table in tables_findings.delay_splits(report, place)),
        ("Unreachable phones", tables_findings.handsets(report, place)),
        ("Hints", tables_findings.hints(report, place)),
        ("Rates", tables_part.rates(report, place)),
        ("Campaigns", tables_findings.fairness(report, place)),
        ("Availability", tables_findings.availability(report, place)),
        ("Sender's answer", tables_part.api(part)),
        (f"Stages{scaled}", tables_part.stages(part)),
        ("Messages in the stages", tables_part.stage_coverage(part)),
        *(
            (f"Stages of messages that lack a timestamp{scaled}", each)
            for each in tables_part.stages_merged(part)
        ),
        ("Burst", tables_part.burst(report, place)),
        ("Faults of the provider", tables_part.faults(report, place)),
        ("Accounting", tables_part.accounting(report, place)),
        ("Why messages did not arrive", tables_part.reasons(report, place)),
        ("Cost", tables_part.cost(report, place)),
    ]
    return [(title, table) for title, table in listed if table.rows]
