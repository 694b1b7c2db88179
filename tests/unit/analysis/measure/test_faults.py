"""The provider's faults in the report: how many messages each touched, and where they are on the charts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pyarrow as pa
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from nanoseconds import S
from run_builder import Build

from analysis.model import PartReport
from analysis.part import analyse_part
from analysis.records import PROVIDER_SCHEMA, RecordedFault, read_manifest, read_rows
from analysis.render import charts_time
from analysis.render.chart_style import styled
from analysis.render.charts_faults import FAULT_LABEL
from analysis.render.report_files import write_report
from analysis.render.sections import part_sections
from analysis.report import build_report

START_NS = 7_000 * S


def span(name: str, from_s: float, to_s: float | None, kind: str = "outage") -> RecordedFault:
    end_ns = None if to_s is None else START_NS + round(to_s * S)
    return RecordedFault(name, kind, f"{name} as text", START_NS + round(from_s * S), end_ns)


def part_with(new_run: Build, *faults: RecordedFault, touched: str = "") -> PartReport:
    run = new_run("run")
    for slot in range(60):
        run.journey(f"m-{slot}", float(slot), 2.0, fault=touched if slot < 20 else "")
    run_dir = run.write(faults=faults)
    return analyse_part(run_dir, read_manifest(run_dir), "made")


def test_each_fault_counts_its_messages_once(new_run: Build) -> None:
    run = new_run("run")
    run.journey("a", 1.0, 2.0, fault="one,two")
    run.journey("b", 2.0, 2.0, fault="two")
    run.seen("b", 2.5, provider_id="P-b2", fault="two,three")  # a duplicate of the same message
    run.seen("unknown", 2.0, fault="two")
    run.journey("c", 3.0, 2.0)
    run_dir = run.write(faults=(span("two", 0.5, 3.0, "added_latency"), span("one", -2.0, None)))
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    found = [(band.name, band.from_s, band.to_s, band.messages) for band in part.faults]
    assert found == [("two", 0.5, 3.0, 2), ("one", -2.0, None, 1), ("three", None, None, 1)]
    table = dict(part_sections(build_report(run_dir), 0))["Faults of the provider"]
    assert [row[:1] + row[2:] for row in table.rows] == [
        ("two", "500 ms", "3.00 s", "2", "-"),
        ("one", "0 s", "no end", "1", "-"),
        ("three", "-", "-", "1", "-"),
    ]


@pytest.mark.parametrize("first_absent", ["fault", "t_accepted_ns", "t_scheduled_ns"])
def test_a_journal_without_these_columns_is_read(new_run: Build, first_absent: str) -> None:
    run = new_run("run")
    run.journey("a", 1.0, 2.0)
    run_dir = run.write()
    path = run_dir / "provider.arrow"
    absent = PROVIDER_SCHEMA.names[PROVIDER_SCHEMA.names.index(first_absent) :]
    rows = read_rows(path, PROVIDER_SCHEMA).drop_columns(absent)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    (read,) = read_rows(path, PROVIDER_SCHEMA).to_pylist()
    unknown = dict.fromkeys(["t_accepted_ns", "reply_ns", "radio_ns", "handset_wait_ns", "t_scheduled_ns"])
    empty = {"fault": "", "throttled": 0, "priority": False, "ucs2_for": ""} | unknown
    assert {name: read[name] for name in absent} == {name: empty[name] for name in absent}
    assert read_rows(path, PROVIDER_SCHEMA).schema == PROVIDER_SCHEMA
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    assert part.accounting.delivered == 1 and part.faults == ()


@pytest.mark.parametrize("draw", [charts_time.latency, charts_time.rates, charts_time.backlog])
def test_every_time_chart_has_a_strip_of_faults_without_overlapping_names(
    new_run: Build, draw: Callable[[PartReport, str], Figure | str]
) -> None:
    faults = [span(f"fault-{n}", 5.0 * n, 5.0 * n + 12.0) for n in range(7)]
    faults.append(span("a-name-that-is-longer-than-anybody-would-read", 59.9, None))
    with styled():
        figure = draw(part_with(new_run, *faults, touched="fault-1"), "t")
        assert isinstance(figure, Figure)
        figure.draw_without_rendering()
    main, strip = figure.axes
    labels = [label.get_text() for label in strip.get_yticklabels()]
    assert labels == [*(f"fault-{n}" for n in range(7)), "a-name-that-is-longer-t…"]
    boxes = [label.get_window_extent() for label in strip.get_yticklabels()]
    assert all(upper.y0 >= lower.y1 for upper, lower in pairwise(boxes))
    assert all(box.x0 >= 0 for box in boxes)
    assert strip.get_xlim() == main.get_xlim()
    bars = [
        (bar.get_x(), bar.get_x() + bar.get_width()) for bar in strip.patches if isinstance(bar, Rectangle)
    ]
    assert bars[1] == (5.0, 17.0)
    assert len(main.patches) >= len(faults)
    assert main.get_xlabel() == "" and strip.get_xlabel() != ""


def test_many_faults_share_the_row_of_their_kind(new_run: Build) -> None:
    kinds = ("outage", "hang")
    faults = [span(f"f{n}", float(n), n + 2.0, kinds[n % 2]) for n in range(12)]
    figure = charts_time.rates(part_with(new_run, *faults), "t")
    assert isinstance(figure, Figure)
    strip = figure.axes[-1]
    assert [label.get_text() for label in strip.get_yticklabels()] == ["outage", "hang"]
    assert len(strip.patches) == 12


def test_without_faults_a_chart_is_as_it_was(new_run: Build) -> None:
    figure = charts_time.rates(part_with(new_run), "t")
    assert isinstance(figure, Figure)
    assert len(figure.axes) == 1


def test_a_picture_alone_says_what_its_shade_is(new_run: Build) -> None:
    part = part_with(new_run, span("one", 5.0, 10.0), span("two", 20.0, 30.0), touched="one")
    with styled():
        for draw in (charts_time.rates, charts_time.latency, charts_time.backlog):
            figure = draw(part, "title")
            assert isinstance(figure, Figure)
            legend = figure.axes[0].get_legend()
            assert legend is not None
            assert [text.get_text() for text in legend.get_texts()].count(FAULT_LABEL) == 1


def test_the_first_screen_says_that_faults_were_injected(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(60):
        run.journey(f"m-{slot}", float(slot), 2.0, fault="one" if slot < 20 else "")
    run_dir = run.write(faults=(span("one", 5.0, 10.0), span("two", 20.0, None)))
    report = build_report(run_dir)
    assert report.faults_injected
    assert report.notes == (
        "Faults of the provider were injected in this run: one, two (20 messages affected; a message counts "
        "once per fault). Figures and verdicts include their effect.",
    )
    write_report(report, run_dir / "report", charts=False)
    assert "FAULTS INJECTED. " in (run_dir / "report" / "summary.md").read_text(encoding="utf-8")
    assert ">FAULTS INJECTED</span>" in (run_dir / "report" / "index.html").read_text(encoding="utf-8")


def test_an_outcome_chosen_by_number_is_not_an_injected_fault(new_run: Build) -> None:
    run = new_run("run")
    run.journey("m", 1.0, 2.0, fault="magic")
    report = build_report(run.write())
    assert not report.faults_injected
    assert report.notes == ()


def test_a_fault_without_a_name_of_its_own_has_one_wording(new_run: Build) -> None:
    """*cut_after_accept* in a note and on a chart was *cut after accept* in question five."""
    cut = RecordedFault(
        "cut_after_accept", "cut_after_accept", "cut after accept: 25 %", START_NS, START_NS + 9 * S
    )
    run = new_run("run")
    for slot in range(60):
        run.journey(f"m-{slot}", float(slot), 2.0, fault="cut_after_accept" if slot < 20 else "")
    run_dir = run.write(faults=(cut, span("evening", 20.0, 30.0)))
    report = build_report(run_dir)
    assert "injected in this run: cut after accept, evening (20" in report.notes[0]
    with styled():
        figure = charts_time.rates(report.parts[0], "title")
    assert isinstance(figure, Figure)
    strip = [label.get_text() for label in figure.axes[-1].get_yticklabels()]
    assert strip == ["cut after accept", "evening"]
    table = dict(part_sections(report, 0))["Faults of the provider"]
    assert [row[0] for row in table.rows] == ["cut after accept", "evening"]
