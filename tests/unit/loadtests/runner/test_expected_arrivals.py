"""How many arrivals were due when a load ended."""

from __future__ import annotations

import msgspec

from loadtests.arrivals import Constant, Plan, Stream
from loadtests.recording import (
    LoadStatus,
)
from loadtests.runner.expected_arrivals import arrivals_due


def test_due_arrivals_come_from_the_plan_and_not_from_the_workers() -> None:
    plan = Plan(streams=(Stream(Constant(10.0, 10.0)),), seed=1, key_tag="t")  # one every 100 ms

    def ended(after_ms: int, due: int = 0) -> LoadStatus:
        return LoadStatus(phase="finished", start_ns=1, end_ns=1 + after_ms * 1_000_000, due=due)

    assert arrivals_due(plan, {}, 1, complete=False) == 0
    # A worker that says it is finished after 5 s of a load that nobody stopped left out the rest.
    assert arrivals_due(plan, {0: ended(5_000, due=51)}, 1, complete=True) == 100
    # Stopped: what was due at that instant counts, what the worker counted does not.
    assert arrivals_due(plan, {0: ended(5_000, due=7)}, 1, complete=False) == 51
    assert arrivals_due(plan, {0: ended(4_999, due=7)}, 1, complete=False) == 50
    # Two workers stopped apart: slots 0, 200 .. 1,000 ms of the one, 100, 300 .. 1,100 ms of the other.
    assert arrivals_due(plan, {0: ended(1_050), 1: ended(1_150)}, 2, complete=False) == 12
    assert arrivals_due(plan, {0: ended(1_050), 1: ended(1_050)}, 2, complete=False) == 11
    # A dead worker owes its share up to the load's end, also one that wrote no row.
    dead = msgspec.structs.replace(ended(300), phase="running")
    assert arrivals_due(plan, {0: ended(2_050), 1: dead}, 2, complete=False) == 21
    assert arrivals_due(plan, {0: ended(2_050)}, 2, complete=False) == 21
