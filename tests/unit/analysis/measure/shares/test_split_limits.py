"""The limits that a split names: those that bind."""

from __future__ import annotations

import pytest
from run_builder import Build

from analysis.part import analyse_part
from analysis.records import read_manifest


@pytest.mark.parametrize(
    ("requests_per_s", "drain_per_s", "limit", "names"),
    [
        (1.0, 1.0, "1 request/s and 1 segment/s out of the accept queue", ("requests", "accept_queue")),
        (1.0, 90.0, "1 request/s", ("requests",)),
        (90.0, 1.0, "1 segment/s out of the accept queue", ("accept_queue",)),
    ],
)
def test_every_limit_that_binds_is_named(
    new_run: Build, requests_per_s: float, drain_per_s: float, limit: str, names: tuple[str, ...]
) -> None:
    run = new_run("run")
    for number in range(60):  # all come at 10 s
        run.due(f"m-{number}", 10.0)
        run.seen(f"m-{number}", 10.0 + number, provider_s=0.0, carrier_s=0.0)
    profile = {
        "throttle": {"requests": {"rate_per_s": requests_per_s, "burst": 1}},
        "accept_queue": {"drain_segments_per_s": drain_per_s},
    }
    run_dir = run.write(load_s=30.0, end_s=300.0, profile=profile)
    (split,) = analyse_part(run_dir, read_manifest(run_dir), "made").delay_splits
    assert (split.limit, split.limit_names) == (limit, names)
