"""The charts of a report, in the order of the page. A new one needs a drawing function and an entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analysis.render import plain_matplotlib  # noqa: F401  # isort: skip  # before matplotlib
from matplotlib.figure import Figure

from analysis.model import PartReport, RunReport
from analysis.render import charts_distribution, charts_findings, charts_time

_FAULTS_CAPTION = "Grey: the provider's faults, named below the plot."


@dataclass(frozen=True)
class PartChart:
    """A chart of one part. ``draw`` gets the part and the title; it returns the figure, or why there is none.

    ``shows_faults``: the chart shades the times of the provider's faults.
    """

    name: str  # of the file
    title: str
    caption: str  # what the reader sees
    draw: Callable[[PartReport, str], Figure | str]
    asked: Callable[[PartReport], bool] = lambda part: True
    shows_faults: bool = False
    caption_with_faults: str = ""  # if it is different

    def caption_of(self, part: PartReport) -> str:
        if not (self.shows_faults and part.faults):
            return self.caption
        return f"{self.caption_with_faults or self.caption} {_FAULTS_CAPTION}"


@dataclass(frozen=True)
class ReportChart:
    """A chart of the whole report. If ``asked`` is false, the page does not name it."""

    name: str  # of the file
    title: str
    caption: str
    draw: Callable[[RunReport, str], Figure | str]
    asked: Callable[[RunReport], bool]
    live: bool = False  # it shows a live run also in a simulated report


_BURST = "Top: the messages of the burst. Middle: the backlog. Bottom: the delivery times of each class."

PART_CHARTS = (
    PartChart(
        name="percentiles",
        title="Percentiles of delivery time",
        caption="Delivery time by percentile: at each step to the right, messages are ten times rarer. "
        "The band is the 95 % interval. A curve ends where there are too few messages, or where messages "
        "were still open. The sender's answer (live parts) is counted from the instant at which a message "
        "was due, and from the send. A gap between the two means that the load generator was late.",
        draw=charts_distribution.percentile_curves,
    ),
    PartChart(
        name="latency",
        title="Delivery time during the run",
        caption="The time within which 50 % and 95 % of the accepted messages to reachable phones arrived, "
        "by the instant at which they were due. Messages that the sender did not accept are in no curve. "
        "A gap: too few messages, less than half of those that were due were accepted, or not delivered by "
        "the end.",
        draw=charts_time.latency,
        shows_faults=True,
    ),
    PartChart(
        name="rates",
        title="Offered, accepted and delivered",
        caption="Accepted below offered: the sender does not accept every message. Delivered below accepted: "
        "messages wait, or were not delivered. Only accepted messages count as delivered here.",
        draw=charts_time.rates,
        shows_faults=True,
    ),
    PartChart(
        name="backlog",
        title="Backlog",
        caption="Messages that wait, at each moment. A message for a phone that is off counts as not yet "
        "delivered until it arrives or expires, which can take hours or days.",
        draw=charts_time.backlog,
        shows_faults=True,
    ),
    PartChart(
        name="stages",
        title="Stages of the delivery time",
        caption="Left: mean times, which add up to the mean delivery time. If messages lack a timestamp, "
        "the chart says how many it covers, and the others have a separate table. Right: the percentiles "
        "of each stage on a logarithmic axis, if there are enough messages. The report to the sender comes "
        "after the delivery. Times under 10 µs are drawn at 10 µs.",
        draw=charts_distribution.stages,
    ),
    PartChart(
        name="burst",
        title="Effect of the burst on OTPs",
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
        title="Capacity search",
        caption="Each dot is a short run at one rate. The band is the interval of the capacity.",
        draw=charts_findings.capacity,
        asked=lambda report: report.capacity is not None,
        live=True,
    ),
    ReportChart(
        name="ladder",
        title="Highest sustained volume",
        caption="The highest messages a day that was sustained on each level's profile, and delivery times "
        "at the level's own rate.",
        draw=charts_distribution.ladder,
        asked=lambda report: bool(report.levels),
    ),
    ReportChart(
        name="priorities",
        title="Effect of priorities",
        caption="The same burst with the sender's priorities and without them, both in virtual time.",
        draw=charts_findings.priorities,
        asked=lambda report: any(each.kind == "priorities_vs_fifo" for each in report.comparisons),
    ),
)
