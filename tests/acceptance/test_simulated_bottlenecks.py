"""Runs in virtual time with a bottleneck that the provider's rules cause. The report must name it first."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from bottleneck_runs import ALL_CLASSES, FAST, MARKETING, analysed, kinds, part_of

from analysis.findings import OWN_PACING
from analysis.first_screen.screen import first_screen, headline
from analysis.first_screen.values import as_text
from analysis.model import PartReport
from analysis.report import build_report
from loadtests.catalogue import scenario
from loadtests.scenario import Part
from loadtests.simulate.part import Choices, simulate_part
from loadtests.simulate.what_ifs import WhatIf


def simulated(part: Part, run_dir: Path, choices: Choices = Choices()) -> PartReport:  # noqa: B008
    run_dir.mkdir()
    simulate_part("bottleneck", part, 3, run_dir, choices)
    return analysed(run_dir)


def test_a_contract_that_the_sender_keeps(tmp_path: Path) -> None:
    profile = {**FAST, "throttle": {"segments": {"rate_per_s": 30, "burst": 30}}}
    part = part_of(tmp_path, 60.0, profile, MARKETING, lasts_s=40.0)
    report = simulated(part, tmp_path / "run")
    assert kinds(report) == ["provider_limit"], report.bottlenecks


@pytest.mark.parametrize(
    ("what", "bottleneck", "to_raise"),
    [
        ("segments", "12 segments/s out of its accept queue", "12 segments/s out of the accept queue"),
        ("requests", "0.2 requests/s", "0.2 requests/s"),
    ],
)
def test_a_lower_limit_of_the_contract(tmp_path: Path, what: str, bottleneck: str, to_raise: str) -> None:
    """On smsapi the segments above the limit queue, so that the sender keeps to the queue's rate.

    Only the limit that binds is named, also as the one to raise.
    """
    part = part_of(tmp_path, 30.0, FAST, ALL_CLASSES, lasts_s=60.0)
    part = Part(**{**{name: getattr(part, name) for name in part.__struct_fields__}, "profile": "smsapi"})
    limit = WhatIf(rate_limits={what: {"segments": 12.0, "requests": 0.2}[what]})
    choices = Choices(what_if=limit, objectives=("availability>99%",))
    report = simulated(part, tmp_path / "run", choices)
    assert kinds(report)[:1] == ["provider_limit"], report.bottlenecks
    assert report.bottlenecks[0].text == f"the provider's limit: {bottleneck}"
    assert {each.message_class: each.limit for each in report.delay_splits}["marketing"] == to_raise
    assert report.sustained is False
    said = headline(build_report(tmp_path / "run"))
    assert said.startswith("NO: The load is above what the contract allows (the provider's limit:"), said


def test_one_slow_carrier(tmp_path: Path) -> None:
    carriers = [
        {"name": "Quick", "country": "PL", "share": 50.0},
        {"name": "Slow", "country": "PL", "share": 50.0, "segments_per_s": 10.0},
        {"name": "abroad", "country": "*"},
    ]
    part = part_of(tmp_path, 60.0, {**FAST, "carriers": carriers}, ALL_CLASSES, lasts_s=40.0)
    report = simulated(part, tmp_path / "run")
    assert kinds(report) == ["carrier_queue"], report.bottlenecks
    assert "Slow" in report.bottlenecks[0].text and "Quick" not in report.bottlenecks[0].text


def test_a_lossy_network(tmp_path: Path) -> None:
    failures = [{"state": "undelivered", "reason": "network_error", "share": 0.3}]
    profile = {**FAST, "delivery": {**FAST["delivery"], "failures": failures}}
    report = simulated(part_of(tmp_path, 60.0, profile, ALL_CLASSES, lasts_s=40.0), tmp_path / "run")
    assert kinds(report) == ["network"], report.bottlenecks


def test_nothing_is_wrong_in_a_busy_hour(tmp_path: Path) -> None:
    part = part_of(tmp_path, 60.0, FAST, ALL_CLASSES, lasts_s=60.0)
    part = Part(**{**{name: getattr(part, name) for name in part.__struct_fields__}, "profile": "smsapi"})
    report = simulated(part, tmp_path / "run")
    assert kinds(report) == [], report.bottlenecks


def test_a_bad_day_names_the_faults_and_the_senders_own_pacing_after_a_refusal(tmp_path: Path) -> None:
    """All refusals for a limit are those of the rate reduction, and the contract allows 200 requests/s."""
    (part,) = scenario("burst").parts
    choices = Choices(objectives=("availability>99%",))
    report = simulated(msgspec.structs.replace(part, profile="bad-day"), tmp_path / "run", choices)
    assert {"provider_fault", "sender_pacing"} <= set(kinds(report))
    assert "provider_limit" not in kinds(report)
    first, pacing = report.bottlenecks[0], report.bottlenecks[kinds(report).index("sender_pacing")]
    assert first.kind == "provider_fault" and "rate reduction: requests to 2 %" in first.text
    assert "from 200 to 4 requests/s" in "; ".join(first.evidence)
    assert pacing.text.endswith(OWN_PACING) and "of the 200 " in pacing.text
    screen = first_screen(build_report(tmp_path / "run"))
    assert "above what the contract allows" not in as_text(screen.why)
    said = " ".join(as_text(each) for each in screen.bottleneck)
    assert OWN_PACING in said and "let the sender raise its rate faster after a refusal" in said
    assert not any("contradicts itself" in note for note in screen.notes)
