"""The charts of a report, in the order of the page. A new one takes a drawing function and an entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analysis.render import plain_matplotlib  # noqa: F401  # isort: skip  # before matplotlib
from matplotlib.figure import Figure

from analysis.model import PartReport, RunReport
from analysis.render import charts_distribution, charts_findings, charts_time

_FAULTS_CAPTION = "In grey: the times of the provider's faults, named below the plot."


@dataclass(frozen=True)
class PartChart:
    """A chart of one part. ``draw`` gets the part and the title; it returns the figure, or why there is none.

    ``shows_faults``: the times of the provider's faults are marked in it.
    """

    name: str  # of the file
    title: str
    caption: str  # what the reader sees
    draw: Callable[[PartReport, str], Figure | str]
    asked: Callable[[PartReport], bool] = lambda part: True
    shows_faults: bool = False
    caption_with_faults: str = ""  # where it is another one

    def caption_of(self, part: PartReport) -> str:
        if not (self.shows_faults and part.faults):
            return self.caption
        return f"{self.caption_with_faults or self.caption} {_FAULTS_CAPTION}"


@dataclass(frozen=True)
class ReportChart:
    """A chart of the whole report. One that is not asked for is not missed: the page does not name it."""

    name: str  # of the file
    title: str
    caption: str
    draw: Callable[[RunReport, str], Figure | str]
    asked: Callable[[RunReport], bool]
    live: bool = False  # it shows a live run, whatever else the report has


_BURST = (
    "Above: the burst's own messages. Middle: the backlog it leaves. Below: what it does to the delivery "
    "times of each class."
)

PART_CHARTS = (
    PartChart(
        name="percentiles",
        title="How long messages take",
        caption="How long the slowest messages take: each step to the right is ten times rarer. "
        "The band is the 95 % interval; a curve ends where the messages no longer carry it, or where some "
        "were still open. Right: the sender's answer, counted from the instant a message was due and from "
        "the send; where the two part, the load itself was late.",
        draw=charts_distribution.percentile_curves,
    ),
    PartChart(
        name="latency",
        title="Delivery time during the run",
        caption="By the instant at which messages were due: the time within which half of them, "
        "and 95 % of them, arrived. A gap: too few messages for it, or not delivered by the end.",
        draw=charts_time.latency,
        shows_faults=True,
    ),
    PartChart(
        name="rates",
        title="Offered, accepted and delivered",
        caption="Where accepted falls under offered, the sender gave way; where delivered lags, "
        "a queue fills.",
        draw=charts_time.rates,
        shows_faults=True,
    ),
    PartChart(
        name="backlog",
        title="Messages that wait",
        caption="Messages waiting at each moment.",
        draw=charts_time.backlog,
        shows_faults=True,
    ),
    PartChart(
        name="stages",
        title="Where the time goes",
        caption="Left: mean times, which add up to the mean delivery time. Where some messages "
        "lack a mark, it says of how many it is; the others have a table of their own. Right: the spread of "
        "each stage, on a logarithmic axis, without the percentiles of too few messages; the report to the "
        "sender comes after the delivery. Times under 10 µs are drawn at 10 µs.",
        draw=charts_distribution.stages,
    ),
    PartChart(
        name="burst",
        title="What a burst does to OTPs",
        caption=f"Shaded: the burst. {_BURST}",
        caption_with_faults=f"Between the dotted lines: the burst. {_BURST}",
        draw=charts_time.burst,
        asked=lambda part: part.identity.role == "burst",
        shows_faults=True,
    ),
)

REPORT_CHARTS = (
    ReportChart(
        name="capacity",
        title="How much it sustains",
        caption="Each dot is a short run at one rate. The band lies between the highest rate at which all "
        "objectives were met and the lowest at which one was missed.",
        draw=charts_findings.capacity,
        asked=lambda report: report.capacity is not None,
        live=True,
    ),
    ReportChart(
        name="ladder",
        title="Messages a day that were carried",
        caption="Each level's own pace, and the most messages a day that a part carried with every objective "
        "met.",
        draw=charts_distribution.ladder,
        asked=lambda report: bool(report.levels),
    ),
    ReportChart(
        name="priorities",
        title="What priorities are worth",
        caption="The same burst with the sender's priorities and without them, both in virtual time.",
        draw=charts_findings.priorities,
        asked=lambda report: any(each.kind == "priorities_vs_fifo" for each in report.comparisons),
    ),
)
