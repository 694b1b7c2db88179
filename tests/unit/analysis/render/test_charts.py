"""What a chart must have to be read, and when there is none."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import msgspec
import pytest
from made_benches import suite
from made_reports import accounting, part
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from run_builder import Build, RunBuilder
from screen_texts import answer_text

from analysis.capacity_record import Trial
from analysis.formatting import RATE_OF_DELIVERIES
from analysis.model import PartReport, Series
from analysis.part import analyse_part
from analysis.records import RecordedFault, RecordedScenario, read_manifest
from analysis.render import charts_distribution, charts_findings, charts_time, tables_part
from analysis.render.chart_style import CLASS_COLOURS, new_figure, save_png, seconds_axis, styled, svg_text
from analysis.render.html import css_class
from analysis.render.table import figure_columns
from analysis.report import build_report


def analysed(run: RunBuilder) -> PartReport:
    run_dir = run.write()
    return analyse_part(run_dir, read_manifest(run_dir), "made")


@pytest.mark.parametrize(
    ("low_s", "high_s", "labels"),
    [
        (0.3, 0.485, ["200 ms", "500 ms"]),  # 500 ms alone without widening
        (0.27, 0.31, ["200 ms", "500 ms"]),  # not one
        (0.001, 0.9, ["1 ms", "10 ms", "100 ms", "1 s"]),
        (500_000.0, 600_000.0, ["24 h", "48 h"]),  # beyond the last round time
    ],
)
@pytest.mark.parametrize("which", ["x", "y"])
def test_a_time_axis_has_two_labels_at_least(
    low_s: float, high_s: float, labels: list[str], which: str
) -> None:
    axes = Figure().add_subplot()
    seconds_axis(axes, low_s, high_s, which=which)
    axis = axes.yaxis if which == "y" else axes.xaxis
    low, high = axes.get_ylim() if which == "y" else axes.get_xlim()
    ticks = [tick for tick in axis.get_majorticklocs() if low <= tick <= high]
    assert axis.get_major_formatter().format_ticks(ticks) == labels
    assert low <= low_s < high_s <= high


def test_fewer_than_twenty_messages_have_no_chart_over_time(new_run: Build) -> None:
    few, enough = new_run("few"), new_run("enough")
    for slot in range(20):
        enough.journey(f"m-{slot}", float(slot), 2.0)
        if slot < 19:
            few.journey(f"m-{slot}", float(slot), 2.0)
    why = charts_time.latency(analysed(few), "t")
    assert why == "19 messages are too few for a chart over time"
    assert isinstance(charts_time.latency(analysed(enough), "t"), Figure)


def test_a_picture_is_the_same_whatever_a_matplotlibrc_says(tmp_path: Path) -> None:
    def drawn(name: str) -> bytes:
        with styled():
            figure = new_figure("Title")
            figure.add_subplot().plot([1, 2], [1, 3], label="line")
        save_png(figure, tmp_path / name)
        return (tmp_path / name).read_bytes() + svg_text(figure, "name").encode()

    plain = drawn("plain.png")
    theirs = {"text.usetex": True, "lines.linestyle": "--", "savefig.dpi": 7, "axes.facecolor": "black"}
    theirs |= {"figure.subplot.left": 0.4, "savefig.bbox": "tight", "path.sketch": (1.0, 100.0, 2.0)}
    with mpl.rc_context(theirs):  # type: ignore[arg-type]  # its stub wants literal keys
        assert drawn("theirs.png") == plain
        assert mpl.rcParams["text.usetex"]  # and theirs stays theirs


@pytest.mark.parametrize("low_s", [0.002, 0.05, 0.7, 4.0, 8.0, 25.0, 45.0, 55.0, 300.0, 1_700.0, 9_000.0])
@pytest.mark.parametrize("ratio", [1.05, 2.0, 8.0, 40.0, 300.0, 20_000.0])
def test_labels_of_a_time_axis_do_not_meet(low_s: float, ratio: float) -> None:
    figure = Figure(figsize=(4.0, 2.2), layout="constrained")  # the smallest panel there is
    axes = figure.add_subplot()
    seconds_axis(axes, low_s, low_s * ratio)
    FigureCanvasAgg(figure).draw()
    low, high = axes.get_ylim()
    boxes = [
        tick.label1.get_window_extent()
        for tick in axes.yaxis.get_major_ticks()
        if low <= tick.get_loc() <= high
    ]
    ordered = sorted(boxes, key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 for below, above in pairwise(ordered))


def test_a_legend_is_never_wider_than_its_figure_and_squeezes_no_plot(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(1_200):
        name = ("otp", "transactional", "marketing")[slot % 3]
        run.journey(f"m-{slot}", slot / 20, 2.0 + slot % 9, message_class=name)
    for slot in range(2_000):
        run.journey(f"b-{slot}", 20.0 + slot / 200, 3.0, message_class="marketing")
    start_ns = 7_000 * 1_000_000_000
    run_dir = run.write(
        scenario=RecordedScenario(name="burst", title="burst", role="burst"),
        faults=(RecordedFault("one", "outage", "as text", start_ns, start_ns + 5_000_000_000),),
    )
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    for draw in (charts_time.latency, charts_time.rates, charts_time.burst):
        with styled():
            figure = draw(part, "title")
            assert isinstance(figure, Figure)
            FigureCanvasAgg(figure).draw()
        for axes in figure.axes:
            assert axes.get_window_extent().width > 0.8 * figure.bbox.width, draw.__name__
            legend = axes.get_legend()
            if legend is not None:
                assert legend.get_window_extent().x1 <= figure.bbox.x1, draw.__name__


def test_the_rate_of_deliveries_has_the_same_words_in_row_table_and_legend(new_run: Build) -> None:
    """A message that was delivered without being accepted counts in none of them."""
    run = new_run("run")
    for slot in range(60):
        run.journey(f"m-{slot}", slot / 4, 2.0, outcome="accepted" if slot % 2 else "failed")
    run_dir = run.write()
    report = build_report(run_dir)
    (part,) = report.parts
    assert part.accounting.delivered == part.accounting.delivered_unacknowledged == 30
    with styled():
        figure = charts_time.rates(part, "t")
    assert isinstance(figure, Figure)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    row = answer_text(report, "rate").splitlines()[0]
    table = " ".join(str(row[0]) for row in tables_part.rates(report, 0).rows)
    assert RATE_OF_DELIVERIES in labels and RATE_OF_DELIVERIES in row and RATE_OF_DELIVERIES in table
    assert part.throughput.delivered_best is not None
    assert part.throughput.delivered_best.per_s == pytest.approx(2.0)  # of 4/s


def drained_for(run: RunBuilder, load_s: float, drain_s: float) -> PartReport:
    """Two messages per second. A twentieth arrives at the end of the drain, others in two seconds."""
    for slot in range(int(2 * load_s)):
        late_s = load_s + drain_s - slot / 2 if slot % 20 == 0 else 2.0
        run.journey(f"m-{slot}", slot / 2, late_s)
    run_dir = run.write(load_s=load_s, end_s=load_s + drain_s)
    return analyse_part(run_dir, read_manifest(run_dir), "made")


@pytest.mark.parametrize("load_s", [23.0, 120.0, 1_800.0])
@pytest.mark.parametrize("drain_s", [3.0, 25.0, 300.0, 3_600.0, 50_000.0])
@pytest.mark.parametrize("draw", [charts_time.rates, charts_time.backlog])
def test_texts_of_a_chart_over_time_do_not_meet(
    new_run: Build, load_s: float, drain_s: float, draw: Callable[[PartReport, str], Figure | str]
) -> None:
    part = drained_for(new_run("run"), load_s, drain_s)
    with styled():
        figure = draw(part, "t")
        assert isinstance(figure, Figure)
        FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    within = axes.get_window_extent()
    texts = [(each.get_text(), each.get_window_extent()) for each in axes.texts]
    assert all(within.x0 <= box.x0 and box.x1 <= within.x1 for _, box in texts)
    low, high = axes.get_xlim()
    ticks = [each for each in axes.xaxis.get_major_ticks() if low <= each.get_loc() <= high]
    assert len(ticks) >= 2
    texts += [(each.label1.get_text(), each.label1.get_window_extent()) for each in ticks]
    texts += [(label.get_text(), label.get_window_extent()) for label in (axes.xaxis.label, axes.yaxis.label)]
    for (one, first), (other, second) in combinations(texts, 2):
        assert not first.overlaps(second), (one, other)


def test_a_drain_of_hours_does_not_hide_the_load(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(460):
        off_s = 43_000.0 if slot % 10 == 0 else 0.0
        run.journey(f"m-{slot}", slot / 20, 5.0 + off_s, handset_s=off_s)
        run.journey(f"x-{slot}", slot / 20, 86_400.0, state="expired")
    part = analysed_day(run)
    line = part.timeline
    assert line.end_s < 60.0 and line.bin_s <= 2.0
    with styled():
        figure = charts_time.latency(part, "t")
    assert isinstance(figure, Figure)
    assert "(s)" in figure.axes[0].get_xlabel()


def test_a_long_drain_has_a_limited_number_of_bins(new_run: Build) -> None:
    line = drained_for(new_run("run"), 23.0, 50_000.0).timeline
    assert line.end_s > 50_000.0 and len(line.rates[0].at_s) <= 600


def analysed_day(run: RunBuilder) -> PartReport:
    run_dir = run.write(load_s=23.0, end_s=90_000.0)
    return analyse_part(run_dir, read_manifest(run_dir), "made")


def test_a_verdict_of_a_level_has_no_colour_of_a_class() -> None:
    """The panel beside it shows the classes by colour."""
    with styled():
        figure = charts_distribution.ladder(suite(), "t")
        assert isinstance(figure, Figure)
        FigureCanvasAgg(figure).draw()
    left, right = figure.axes
    legends = [axes.get_legend() for axes in (left, right)]
    boxes = [legend.get_window_extent() for legend in legends if legend is not None]
    assert len(boxes) == 2 and boxes[0].x1 <= boxes[1].x0 and boxes[1].x1 <= figure.bbox.x1
    verdicts = {line.get_color() for line in left.lines}
    classes = {line.get_color() for line in right.lines}
    assert classes == {CLASS_COLOURS[name] for name in ("otp", "transactional", "marketing")}
    assert verdicts.isdisjoint(classes)


def test_labels_of_the_stages_leave_room_for_the_font_of_the_page(new_run: Build) -> None:
    """It is wider than the font of the layout: a label as wide as its axis was cut at the edge."""
    run = new_run("run")
    for slot in range(600):
        name = ("transactional", "otp")[slot % 2]
        run.journey(f"m-{slot}", slot / 20, 2.0 + slot % 9, message_class=name)
    with styled():
        figure = charts_distribution.stages(analysed(run), "title")
        assert isinstance(figure, Figure)
        FigureCanvasAgg(figure).draw()
    assert len(figure.axes) == 2
    for axes in figure.axes:
        box = axes.xaxis.label.get_window_extent()
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
        assert box.width < 0.75 * axes.get_window_extent().width


def test_each_label_of_a_legend_has_a_line() -> None:
    """Three bins that are not next to each other are drawn as nothing."""
    apart, line = (1.0, None, 2.0, None, 3.0), (1.0, 2.0, None, None, None)
    made = part(accounting=accounting(rows=1_000))
    times = (0.0, 1.0, 2.0, 3.0, 4.0)
    middle = tuple(Series(name, times, value) for name, value in (("otp", line), ("marketing", apart)))
    high = tuple(Series(name, times, value) for name, value in (("otp", line), ("marketing", apart)))
    timeline = msgspec.structs.replace(made.timeline, latency_p50=middle, latency_p95=high)
    with styled():
        figure = charts_time.latency(msgspec.structs.replace(made, timeline=timeline), "t")
    assert isinstance(figure, Figure)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["otp, half within", "otp, 95 % within", "marketing, half within"]
    dots = [each.get_marker() for each in figure.axes[0].lines if "marketing" in str(each.get_label())]
    assert dots == ["o"]


def test_the_label_of_the_sustained_rate_lies_on_no_trial() -> None:
    """The last trial is at the sustained rate or just above it. A trial whose backlog grew missed no
    objective.
    """
    made = suite()
    assert made.capacity is not None
    verdicts: tuple[tuple[float, Literal["met", "missed"]], ...] = (
        (20.0, "met"),
        (60.0, "met"),
        (180.0, "missed"),
        (62.5, "missed"),
    )
    trials = tuple(Trial(rate_per_s=rate, verdict=found, delivered_per_s=60.0) for rate, found in verdicts)
    found = msgspec.structs.replace(
        made.capacity, sustained_per_s=60.0, low_per_s=60.0, high_per_s=61.2, trials=trials
    )
    figure = charts_findings.capacity(msgspec.structs.replace(made, capacity=found), "capacity")
    assert isinstance(figure, Figure)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    (axes,) = figure.axes
    (label,) = (each for each in axes.texts if "sustained" in each.get_text())
    box = label.get_window_extent()
    assert box.x1 <= figure.bbox.x1
    for line in axes.lines:
        if line.get_linestyle() == "None":
            for x, y in axes.transData.transform(line.get_xydata()):
                assert not (box.x0 - 6 < x < box.x1 + 6 and box.y0 - 6 < y < box.y1 + 6)
    legend = axes.get_legend()
    assert legend is not None
    assert [each.get_text() for each in legend.get_texts()] == ["every objective met", "not sustained"]


@pytest.mark.parametrize("api", [True, False])
def test_limits_far_above_the_curves_are_named_below_the_plot_and_inside_the_figure(
    new_run: Build, api: bool
) -> None:
    """In the plot the words were over the mark of another limit, and in half a figure beyond its end."""
    run = new_run("run")
    for slot in range(1_200):
        name = ("otp", "transactional", "marketing")[slot % 3]
        run.journey(f"m-{slot}", slot / 20, 1.0 + slot % 9 / 10, message_class=name)
    made = analysed(run)
    with styled():
        figure = charts_distribution.percentile_curves(
            made if api else msgspec.structs.replace(made, api=()), "t"
        )
        assert isinstance(figure, Figure)
        FigureCanvasAgg(figure).draw()
    assert len(figure.axes) == (2 if api else 1)
    first = figure.axes[0]
    words = first.get_xlabel().replace("\n", " ")
    assert "limits far above: transactional 1 min, marketing 10 min" in words
    box, plot = first.xaxis.label.get_window_extent(), first.get_window_extent()
    assert box.y1 < plot.y0 and figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
    if api:
        assert not box.overlaps(figure.axes[1].xaxis.label.get_window_extent())
    assert not first.texts


def test_a_long_text_in_a_column_of_figures_is_wrapped() -> None:
    (column,) = figure_columns("mean")
    assert (
        css_class("200 segments/s at the carriers Play and Orange and 150 segments/s at T-Mobile", column)
        == "n long"
    )
    assert css_class("1,234", column) == "n"
