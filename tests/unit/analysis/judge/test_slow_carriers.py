"""Carriers as bottlenecks: named if their waits are clearly longer than those of the other carriers."""

from __future__ import annotations

from typing import Any

import pytest
from run_builder import Build, RunBuilder, at

from analysis.part import analyse_part
from analysis.records import RecordedFault, read_manifest

ALIKE_S = {"x": 4.5, "y": 4.4, "z": 4.3}
LIMIT = "the provider's limit:"


def found(run: RunBuilder, **manifest: Any) -> Any:
    run_dir = run.write(load_s=30.0, end_s=60.0, **manifest)
    return analyse_part(run_dir, read_manifest(run_dir), "made").bottlenecks


def waiting(run: RunBuilder, sender_wait_s: float = 0.01, **wait_s: float) -> None:
    """Ten per second to these carriers in turn, each waiting for its carrier."""
    for slot in range(300):
        carrier = sorted(wait_s)[slot % len(wait_s)]
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10 + sender_wait_s, carrier=carrier, carrier_s=wait_s[carrier])


@pytest.mark.parametrize(
    ("waits_s", "drain_per_s", "text"),
    [
        (ALIKE_S, 500.0, "the queues of the carriers x, y and z"),  # 10/s left it: they did not wait there
        (ALIKE_S, 1.0, f"{LIMIT} 1 segment/s out of its accept queue"),
        (ALIKE_S, None, "the queues of the carriers x, y and z"),
        ({"x": 9.0, "y": 0.1, "z": 0.1}, 500.0, "the queue of the carrier x"),
        ({"x": 9.0, "y": 8.0, "z": 0.1}, 500.0, "the queues of the carriers x and y"),
    ],
)
def test_a_carrier_is_named_if_it_waits_longer_than_the_others(
    new_run: Build, waits_s: dict[str, float], drain_per_s: float | None, text: str
) -> None:
    run = new_run("run")
    waiting(run, **waits_s)
    profile = {} if drain_per_s is None else {"accept_queue": {"drain_segments_per_s": drain_per_s}}
    (only,) = found(run, profile=profile)
    assert only.text == text


def test_messages_that_wait_for_a_carrier_at_the_end_give_a_lower_bound(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        stuck = {"state": "open", "at_carrier": False} if slot % 2 else {}
        run.seen(f"m-{slot}", slot / 10 + 0.01, carrier="xy"[slot % 2], **stuck)
    (only,) = found(run)
    assert (only.text, only.subject) == ("the queue of the carrier y", "the carrier y")
    assert only.evidence[0] == "y: 150 messages, median wait at least 44.9 s"


def test_the_longer_wait_is_named_first(new_run: Build) -> None:
    """Throttled in the sender for 20 s, then 2 s at the carriers."""
    throttle = {"throttle": {"requests": {"rate_per_s": 100.0, "burst": 1}}}
    run = new_run("run")
    waiting(run, 20.0, x=2.0, y=2.0)
    counts = {"count_requests": 10.0, "count_refused_throttled_requests": 3.0}
    for second in range(31):
        for name, per_s in counts.items():
            run.sample(second + 0.5, "provider", name, per_s * max(second - 10, 0))
    # Requests were refused in a part of the load only.
    named = [each.kind for each in found(run, profile=throttle)]
    assert named.index("provider_limit") < named.index("carrier_queue")


@pytest.mark.parametrize(
    ("carriers", "kinds"),
    [
        ([{"name": "any"}], ["provider_limit"]),
        ([{"name": "any", "segments_per_s": 9.0}], ["carrier_queue", "provider_limit"]),
    ],
)
def test_a_carrier_without_a_limit_has_no_queue(
    new_run: Build, carriers: list[dict[str, Any]], kinds: list[str]
) -> None:
    """One carrier behind an accept queue that is at its rate: the wait is known to be of that queue alone
    only from the profile.
    """
    run = new_run("run")
    waiting(run, any=4.5)
    profile = {"accept_queue": {"drain_segments_per_s": 10.0}, "carriers": carriers}
    assert [each.kind for each in found(run, profile=profile)] == kinds


def test_a_fault_that_holds_messages_makes_a_queue_of_a_carrier_without_a_limit(new_run: Build) -> None:
    run = new_run("run")
    waiting(run, any=4.5)
    window = {"name": "down", "kind": "carrier_down", "behaviour": "hold", "from_s": 5.0, "to_s": 25.0}
    profile = {"carriers": [{"name": "any"}], "faults": [window]}
    fault = RecordedFault(
        name="down",
        kind="carrier_down",
        title="carrier down: all wait",
        start_ns=at(5.0) or 0,
        end_ns=at(25.0),
    )
    assert [each.kind for each in found(run, profile=profile, faults=(fault,))] == ["carrier_queue"]
