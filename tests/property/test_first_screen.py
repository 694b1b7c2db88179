"""Whatever a report holds, its first screen does not contradict the tables below it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from made_reports import (
    accounting,
    bottleneck,
    burst,
    compared,
    comparison,
    hint,
    lag_check,
    part,
    report,
    throughput,
)
from page_reading import disagreements, rendered

from analysis.capacity_record import CapacityResult, Trial
from analysis.findings import Availability, CampaignFigures, Fairness
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.model import PartReport, RunReport
from analysis.quantile import Quantile

CLASSES = ("otp", "transactional", "marketing")
times_s = st.one_of(st.none(), st.floats(0.01, 5_000.0))
names = st.sampled_from(["my-sender", "sender 2", "<b>&$x$</b>", "reference_sender"])
counts = st.integers(0, 3)


@st.composite
def accountings(draw: st.DrawFn) -> Any:
    refused, lost, duplicates = draw(st.integers(0, 500)), draw(counts), draw(counts)
    return accounting(
        accepted=3_000 - refused,
        refused=refused,
        lost=lost,
        duplicates=duplicates,
        unaccounted=draw(st.one_of(st.just(0), counts)),
        dropped=draw(st.one_of(st.just(0), st.integers(0, 90))),
        delivered=draw(st.integers(0, 3_000)),
    )


@st.composite
def fairness(draw: st.DrawFn) -> Fairness | None:
    if not draw(st.booleans()):
        return None
    p95 = Quantile(95.0, "exact", 12.0, 11.0, 13.0, 72)
    figures = tuple(
        CampaignFigures(name=f"campaign {index}", messages=900, delivered=880, per_s=40.0 + index, p95=p95)
        for index in range(draw(st.integers(1, 4)))
    )
    return Fairness(campaigns=figures, jain=draw(st.sampled_from([None, 0.25, 0.997, 1.0])))


@st.composite
def parts(draw: st.DrawFn, slug: str, target: str) -> PartReport:
    level = draw(st.sampled_from([None, 5_000, 500_000, 5_000_000]))
    if draw(st.booleans()):  # most random parts are bad in some way
        return part(
            slug,
            messages_per_day=level,
            target={"name": target, "kind": "http"},
            bottlenecks=draw(st.sampled_from([(), (bottleneck(),)])),
            mode=draw(st.sampled_from(["real", "simulated"])),
            burst=draw(st.sampled_from([None, burst(0.2, 1.4)])),
        )
    invalid = draw(st.sampled_from([False, False, False, True]))
    checks = (lag_check(state=draw(st.sampled_from(["ok", "warn", "not_checked"])), value_number=0.012),)
    if invalid:
        checks = (lag_check(state="invalid", value_number=0.5, value="p99 500 ms"),)
    failed = draw(st.sampled_from(["", "", "", "provider: the journal could not be written"]))
    available = draw(st.integers(0, 9))
    return part(
        slug,
        {name: draw(times_s) for name in CLASSES},
        accounting=draw(accountings()),
        messages_per_day=level,
        target={"name": target, "kind": "http"},
        mode=draw(st.sampled_from(["real", "simulated"])),
        speedup=draw(st.sampled_from([1.0, 1.0, 60.0])),
        profile=draw(st.sampled_from(["smsapi", "fast", ""])),
        decides_verdict=draw(st.booleans()),
        checks=checks,
        validity="invalid" if invalid else "ok",
        bench_failure=failed,
        sustained=draw(st.sampled_from([True, True, False, None])),
        throughput=throughput(
            limit=draw(st.sampled_from(["", "the sender did not take 600 of 3,000 messages"])),
            shortfall_share=draw(st.sampled_from([0.0, 0.3])),
        ),
        bottlenecks=draw(st.sampled_from([(), (bottleneck(),), (bottleneck(kind="unknown", evidence=()),)])),
        hints=draw(st.sampled_from([(), (hint(),)])),
        burst=draw(st.sampled_from([None, burst(0.2, 1.4), burst(-0.3, 1.4), burst(None, None)])),
        availability=Availability(
            windows=9,
            available=available,
            unavailable=9 - available,
            window_s=10.0,
            first_bad_at_s=10.0,
            why="1 window was refused",
        ),
        backlog_gone_s=draw(st.sampled_from([None, 0.0, 3.4])),
        fairness=draw(fairness()),
    )


@st.composite
def reports(draw: st.DrawFn) -> RunReport:
    target = draw(names)
    listed = [draw(parts(f"0{index}-part", target)) for index in range(draw(st.integers(1, 3)))]
    capacity = None
    if draw(st.booleans()):
        sustained = draw(st.sampled_from([None, 298.0]))
        capacity = CapacityResult(
            profile=draw(st.sampled_from(["smsapi", "fast"])),
            target=target,
            objectives=("otp.p95<20s",),
            sustained_per_s=sustained,
            low_per_s=296.0 if sustained else 0.0,
            high_per_s=draw(st.sampled_from([None, 304.0])),
            messages_per_day=12_000_000.0 if sustained else None,
            bottlenecks=draw(st.sampled_from([(), ("the provider's limit of 300 requests/s",)])),
            trials=(Trial(rate_per_s=296.0, verdict="met", delivered_per_s=295.0),),
        )
    low_s = draw(st.floats(-5.0, 5.0))
    compared_to = comparison(compared(low_s, low_s + draw(st.floats(0.1, 9.0))))
    return report(
        *listed,
        interrupted=draw(st.sampled_from(["", "", "", "Interrupted after 13 of 60 s"])),
        capacity=capacity,
        comparisons=draw(st.sampled_from([(), (compared_to,)])),
    )


@settings(max_examples=120, deadline=None)
@given(reports())
def test_no_report_gives_a_screen_that_contradicts_itself(made: RunReport) -> None:
    screen = first_screen(made)
    assert contradictions(screen, made) == ()
    assert as_text(screen.why).strip()
    assert as_text(screen.trust).strip()


@settings(max_examples=25, deadline=None)
@given(reports())
def test_every_figure_of_a_page_is_in_a_cell_below_it(made: RunReport) -> None:
    with tempfile.TemporaryDirectory() as folder:
        page, _, summary = rendered(made, Path(folder))
    assert disagreements(page, summary) == []


def test_the_reports_are_of_all_kinds() -> None:
    """The property would hold of reports that say nothing."""
    seen: set[str] = set()

    @settings(max_examples=300, deadline=None, database=None, derandomize=True)
    @given(reports())
    def collect(made: RunReport) -> None:
        screen = first_screen(made)
        seen.add(screen.word)
        seen.update(each.name for each in screen.asides)
        seen.update(f"{each.name} {each.state}" for each in screen.answers)

    collect()
    assert {"YES", "NO", "UNDECIDED", "INVALID", "STOPPED"} <= seen
    assert {"burst", "campaigns", "cost", "ask"} <= seen
    assert {"ten_times good", "ten_times bad", "delivery good", "wrong bad"} <= seen


def test_a_part_that_was_changed_after_the_verdict_is_found() -> None:
    """The property can fail: a report whose table was changed contradicts its verdict."""
    made = report()
    late = part(p95_s={"otp": 900.0})
    made = msgspec.structs.replace(
        made, parts=(msgspec.structs.replace(made.parts[0], delivery=late.delivery),)
    )
    assert contradictions(first_screen(made), made)
