"""Parts of runs that are made by hand, and the bottlenecks that the analysis finds in them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from run_builder import RunBuilder

from analysis.part import analyse_part
from analysis.records import read_manifest

OWN = {"name": "my-sender", "kind": "http"}
LISTENING = {**OWN, "url": "http://127.0.0.1:8080/messages"}


def found(run: RunBuilder, load_s: float = 30.0, **manifest: Any) -> Any:
    run_dir = run.write(load_s=load_s, end_s=load_s + 30.0, **manifest)
    return analyse_part(run_dir, read_manifest(run_dir), "made")


def kinds(run: RunBuilder, **manifest: Any) -> list[str]:
    return [each.kind for each in found(run, **manifest).bottlenecks]


def sampled(run: RunBuilder, process: str, **values: float | Callable[[int], float]) -> None:
    for second in range(31):
        for name, value in values.items():
            run.sample(second + 0.5, process, name, value(second) if callable(value) else value)


def arrivals(
    run: RunBuilder,
    submitted_s: Callable[[int, float], float | None],
    seed: int = 7,
    per_s: float = 10.0,
    **more: Any,
) -> None:
    """Random arrivals for 30 s, accepted by a sender without gauges."""
    draw = random.Random(seed)
    due_s, slot = draw.expovariate(per_s), 0
    while due_s < 30.0:
        run.due(f"m-{slot}", due_s)
        at_s = submitted_s(slot, due_s)
        if at_s is not None:
            run.seen(f"m-{slot}", at_s, **more)
        due_s, slot = due_s + draw.expovariate(per_s), slot + 1
