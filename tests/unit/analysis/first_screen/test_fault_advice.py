"""The advice about faults names those in whose time the bottleneck was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_objectives import missed
from made_reports import bottleneck, part, report
from page_reading import disagreements, rendered

from analysis.fault_effects import RecordedEffect
from analysis.findings import OWN_PACING, FaultBand
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text

LATE = missed("availability", "> 99 %", "0 %", 0.99)
SLOW = bottleneck(
    kind="sender_pacing",
    text=f"after a refusal the sender sends 4 requests/s of the 200 {OWN_PACING}",
    signs=("slow_after_refusal",),
)


def band(name: str, effect: RecordedEffect, from_s: float, to_s: float | None) -> FaultBand:
    return FaultBand(
        name=name, kind="any", title=f"title {name}", from_s=from_s, to_s=to_s, messages=3, effect=effect
    )


EARLY = band("early", "outage", 0.0, 22.0)
STORM = band("storm", "reports", 0.0, 90.0)
LONG = band("long", "lowered_limit", 30.0, 50.0)
LAST = band("last", "other", 55.0, None)


def said(tmp_path: Path, faults: tuple[FaultBand, ...], *found: Any) -> str:
    made = report(part(objectives=(LATE,), bottlenecks=found, faults=faults), objectives=(LATE,))
    screen = first_screen(made)
    assert contradictions(screen, made) == ()
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []
    return " ".join(as_text(each) for each in screen.bottleneck)


@pytest.mark.parametrize(
    ("faults", "advice"),
    [
        (
            (EARLY,),
            "a fault window was active meanwhile (title early). To judge sender and contract, run it without "
            "the fault.",
        ),
        (
            (STORM, EARLY, LONG),
            "fault windows were active meanwhile (title long; title early). To judge sender and contract, "
            "run it without the faults.",
        ),
        (
            (EARLY, LONG, LAST),
            "fault windows were active meanwhile (title long; title last; and more). To judge sender and "
            "contract, run it without the faults.",
        ),
    ],
)
def test_the_faults_with_the_longest_overlap_are_named(
    faults: tuple[FaultBand, ...], advice: str, tmp_path: Path
) -> None:
    queue = bottleneck(kind="carrier_queue", text="the queue of Plus", subject="Plus", from_s=20.0, to_s=60.0)
    assert said(tmp_path, faults, queue).endswith(f"What to change: {advice}")


def test_a_fault_of_the_delivery_reports_is_named_only_without_another(tmp_path: Path) -> None:
    queue = bottleneck(kind="carrier_queue", text="the queue of Plus", subject="Plus", from_s=20.0, to_s=60.0)
    assert "a fault window was active meanwhile (title storm)" in said(tmp_path, (STORM,), queue)
    assert "a fault window was active meanwhile (title long)" in said(tmp_path, (STORM, LONG), queue)


def test_a_fault_as_a_bottleneck_has_its_own_faults_in_the_advice(tmp_path: Path) -> None:
    named = "title last; title early; and 1 more"
    fault = bottleneck(
        kind="provider_fault", text=f"a fault of the provider: {named}", subject=named, from_s=0.0, to_s=60.0
    )
    told = said(tmp_path, (EARLY, LONG, LAST), fault)
    assert f"What to change: fault windows were active meanwhile ({named}). To judge" in told


def test_a_sender_that_stays_slow_after_a_fault_is_named_beside_it(tmp_path: Path) -> None:
    fault = bottleneck(
        kind="provider_fault",
        text="a fault of the provider: title long",
        subject="title long",
        from_s=30.0,
        to_s=60.0,
    )
    queue = bottleneck(kind="carrier_queue", text="the queue of Plus", subject="Plus", from_s=20.0, to_s=60.0)
    told = said(tmp_path, (LONG,), fault, queue, SLOW)
    assert f"Bottleneck: {SLOW.text}" in told and "the queue of Plus" not in told
    assert told.endswith(
        "What to change: let the sender raise its rate faster after a refusal, up to what the contract "
        "allows."
    )
    assert "its own pacing" not in said(tmp_path, (), queue, SLOW)
