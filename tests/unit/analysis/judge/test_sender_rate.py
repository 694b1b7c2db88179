"""A sender without gauges whose backlog grows at a flat output: both rates are named."""

from __future__ import annotations

import random

import pytest
from run_builder import Build

from analysis.capacity_record import OWN_LIMIT
from analysis.part import analyse_part
from analysis.records import read_manifest


def test_workers_that_pause_together_forward_at_their_rate(new_run: Build) -> None:
    """Eight at once, then 1.6 s of pause: 5/s, and no constant rate within a second."""
    run = new_run("run")
    draw = random.Random(7)
    due_s = draw.expovariate(10.0)
    for slot in range(400):
        if due_s >= 30.0:
            break
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", max(slot // 8 * 1.6 + slot % 8 / 1_000 + 1.0, due_s + 0.001))
        due_s += draw.expovariate(10.0)
    run_dir = run.write(load_s=30.0, end_s=60.0, target={"name": "my-sender", "kind": "http"})
    (only,) = analyse_part(run_dir, read_manifest(run_dir), "made").bottlenecks
    assert only.kind == "sender_rate"
    forwarded = only.evidence[0].removeprefix("it forwarded ").partition("/s ")[0]
    assert float(forwarded) == pytest.approx(5.0, rel=0.02)


def test_the_rate_of_the_sender_is_a_mean_and_the_best_deliveries_exceed_it(new_run: Build) -> None:
    """5/s with radio times of 1 s to 9 s: more than 5/s arrive in the best ten seconds."""
    run = new_run("run")
    for slot in range(300):
        submitted_s = slot / 5.0 + 0.5
        run.due(f"m-{slot}", slot / 10.0)
        run.seen(f"m-{slot}", submitted_s, radio_s=9.0 if submitted_s < 12.0 else 1.0)
    run_dir = run.write(load_s=30.0, end_s=80.0, target={"name": "my-sender", "kind": "http"})
    made = analyse_part(run_dir, read_manifest(run_dir), "made")
    best = made.throughput.delivered_best
    assert best is not None and best.per_s > 6.0
    (only,) = made.bottlenecks
    assert only.evidence[0] == "it forwarded 5.00/s in the last part of the load; 10.0/s came in"


def test_its_text_has_no_rate_and_its_evidence_that_of_the_last_part(new_run: Build) -> None:
    """34/s for 18 s through 31/s, and 27/s in the first seconds of a busy machine. On the page of a search
    the text is beside the sustained rate, and a mean of the load would contradict it.
    """
    run, draw, free_s, due_s, slot = new_run("run"), random.Random(3), 0.0, 0.02, 0
    while due_s < 18.0:
        at_s = max(due_s + 0.01, free_s)
        free_s = at_s + 1 / (31.0 if at_s > 7.0 else 27.0)
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", at_s, provider_s=draw.uniform(0.02, 0.03))
        due_s, slot = due_s + draw.expovariate(34.0), slot + 1
    run_dir = run.write(load_s=18.0, end_s=60.0, target={"name": "my-sender", "kind": "http"})
    first = analyse_part(run_dir, read_manifest(run_dir), "made").bottlenecks[0]
    assert first.text == f"my-sender forwards messages at a constant rate: {OWN_LIMIT}"
    forwarded = first.evidence[0].removeprefix("it forwarded ").partition("/s ")[0]
    assert float(forwarded) == pytest.approx(31.0, rel=0.01)


@pytest.mark.parametrize("working_per_s", [40.0, 45.0])
def test_a_sender_with_long_pauses_has_no_constant_rate(new_run: Build, working_per_s: float) -> None:
    """30/s for 60 s; it forwards nothing for 4 s of each ten, and its mean is below 30/s."""
    run, draw, free_s, due_s, slot = new_run("run"), random.Random(5), 0.0, 0.01, 0
    while due_s < 60.0:
        at_s = max(due_s + 0.005, free_s)
        if 3.0 <= at_s % 10 < 7.0:
            at_s += 7.0 - at_s % 10
        free_s = at_s + 1 / working_per_s
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", at_s)
        due_s, slot = due_s + draw.expovariate(30.0), slot + 1
    target = {"name": "my-sender", "kind": "http"}
    run_dir = run.write(load_s=60.0, end_s=150.0, target=target)
    first = analyse_part(run_dir, read_manifest(run_dir), "made").bottlenecks[0]
    assert (first.kind, first.signs) == ("sender_hold", ("paused",))
    assert "constant rate" not in first.text
