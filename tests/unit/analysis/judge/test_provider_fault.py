"""A wait in the sender during a known fault of the provider is put down to the fault."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from run_builder import Build, RunBuilder, at

from analysis.findings import Bottleneck
from analysis.part import analyse_part
from analysis.records import RecordedFault, read_manifest

OWN = {"name": "my-sender", "kind": "http"}
OUTAGE = RecordedFault(
    name="outage", kind="outage", title="outage: all refused", start_ns=at(5.0) or 0, end_ns=at(20.0)
)


def named(run: RunBuilder, **manifest: Any) -> tuple[Bottleneck, ...]:
    run_dir = run.write(load_s=30.0, end_s=60.0, **manifest)
    return analyse_part(run_dir, read_manifest(run_dir), "made").bottlenecks


def kinds(run: RunBuilder, **manifest: Any) -> list[str]:
    return [each.kind for each in named(run, **manifest)]


def waiting(run: RunBuilder, wait_s: float) -> None:
    """Ten a second, each waiting in the sender."""
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10 + wait_s)


def held_by_an_outage(run: RunBuilder) -> None:
    """Messages due in the outage of 5 s to 20 s are sent after it, the last at 28 s."""
    for slot in range(300):
        due_s = slot / 10
        held = 5.0 <= due_s < 26.0
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", 20.0 + (due_s - 5.0) * 8.0 / 21.0 if held else due_s)


@pytest.mark.parametrize("target", [OWN, {"name": "reference_sender", "kind": "simulated"}])
def test_a_known_fault_is_the_cause_of_the_wait_that_it_makes(new_run: Build, target: dict[str, Any]) -> None:
    run = new_run("run")
    held_by_an_outage(run)
    (only,) = named(run, target=target, faults=(OUTAGE,))
    assert (only.kind, only.text) == ("provider_fault", "a fault of the provider: outage: all refused")
    assert (only.from_s, only.to_s) == pytest.approx((10.0, 30.0))  # with the messages that it had held
    assert "the median message waited" in only.evidence[0]


def test_a_fault_after_the_wait_is_not_its_cause(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10 + (5.0 if slot < 100 else 0.01))
    late = msgspec.structs.replace(OUTAGE, start_ns=at(21.0) or 0, end_ns=None)
    assert kinds(run, target=OWN, faults=(late,)) == ["sender_hold"]


def test_a_fault_without_a_symptom_is_no_bottleneck(new_run: Build) -> None:
    run = new_run("run")
    waiting(run, 0.01)
    assert kinds(run, faults=(OUTAGE,)) == []


def test_the_reference_sender_is_visible_from_inside(new_run: Build) -> None:
    """A simulated one has no samples. What is not known of it is called unknown."""
    run = new_run("run")
    waiting(run, 5.0)
    assert kinds(run, target={"name": "reference_sender", "kind": "simulated"}) == ["unknown"]
    assert kinds(run, target=OWN) == ["sender_hold"]
