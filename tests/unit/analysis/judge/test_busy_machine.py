"""A machine whose cores are all busy: what used them, and what to change."""

from __future__ import annotations

import pytest
from made_parts import OWN, sampled
from run_builder import Build

from analysis.first_screen.advice import what_to_change
from analysis.first_screen.quoting import Quote
from analysis.first_screen.values import as_text
from analysis.report import build_report


@pytest.mark.parametrize(
    ("load", "others", "text", "advice"),
    [
        (
            4.0,
            68.0,
            "sender and other programs compete for cores",
            "run the load on a machine without other programs: here they used the processors.",
        ),
        (
            60.0,
            68.0,
            "load, sender and other programs compete for cores",
            "run sender and bench on separate machines without other programs: here they shared the "
            "processors.",
        ),
        (
            60.0,
            3.0,
            "load and sender compete for cores",
            "run sender and bench on separate machines: here they shared the processors.",
        ),
        (4.0, 3.0, "its cores were all in use", "run the sender on a machine with more cores."),
    ],
)
def test_the_advice_on_a_busy_machine_follows_from_what_used_it(
    new_run: Build, load: float, others: float, text: str, advice: str
) -> None:
    """A bench that used 8 % of a core beside other programs with 68 % of the machine was to be moved."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10 + 5.0)
    sampled(run, "machine", cpu_percent=99.5, others_percent=others)
    sampled(run, "target", cpu_percent=68.0, core_wait_percent=30.0)
    sampled(run, "provider", cpu_percent=4.0)
    sampled(run, "load", cpu_percent=load)
    report = build_report(run.write(load_s=30.0, end_s=60.0, target=OWN))
    place = [each.kind for each in report.parts[0].bottlenecks].index("machine")
    named = report.parts[0].bottlenecks[place].text
    assert named == f"the whole machine: {text}, so every rate is a lower bound"
    assert as_text(what_to_change(Quote(report), 0, place)) == advice
    (check,) = (each for each in report.checks if each.name == "machine CPU")
    assert ("of which other programs used 68 %" in check.value) == (others > 10)
    assert ("without other programs" in check.advice) == (others > 10)
