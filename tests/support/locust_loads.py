"""Loads that a test starts as Locust's own process: their plan, their end, their rows and statistics."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path

import pyarrow as pa

from analysis.records import LOAD_SCHEMA, read_rows
from loadtests.arrivals import Constant, Mix, Plan, Stream, plan_to_json

SMOKE = "loadtests/scenarios/smoke.py"


def write_plan(folder: Path, rate_per_s: float, duration_s: float, in_flight_limit: int = 1_000) -> str:
    stream = Stream(Constant(rate_per_s, duration_s), mix=Mix(otp=1.0))
    plan = Plan(streams=(stream,), seed=1, key_tag="t", in_flight_limit=in_flight_limit)
    path = folder / "plan.json"
    path.write_bytes(plan_to_json(plan))
    return str(path)


def statistics(prefix: Path) -> dict[str, dict[str, str]]:
    with Path(f"{prefix}_stats.csv").open() as file:
        return {row["Name"]: row for row in csv.DictReader(file)}


def finish(process: subprocess.Popen[str], within_s: float = 60.0) -> str:
    output, _ = process.communicate(timeout=within_s)
    assert process.returncode == 0, output
    return output


def load_rows(folder: Path) -> pa.Table:
    pieces = [read_rows(path, LOAD_SCHEMA) for path in sorted(folder.glob("load-*.arrow"))]
    return pa.concat_tables(pieces)
