"""A sender without gauges whose backlog grows at a flat output: both rates are named."""

from __future__ import annotations

import random

from run_builder import Build

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
    assert only.kind == "sender_rate" and only.text.startswith("my-sender forwards 5.")


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
    assert only.text == "my-sender forwards 5.02/s on average; 10.0/s came in"
