"""Time and memory of the analysis on a large run: a synthetic run directory, analysed in its own process.

flock /tmp/smsbench-bench.lock .venv/bin/python benchmarks/analysis_size.py --messages 500000
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from analysis import records

NS = 1_000_000_000
START_NS = 5_000 * NS


def _instants(seconds: np.ndarray[Any, Any], absent: np.ndarray[Any, Any] | None = None) -> pa.Array:
    return pa.array((seconds * NS).astype(np.int64) + START_NS, mask=absent)


def _lengths(seconds: np.ndarray[Any, Any]) -> pa.Array:
    return pa.array((seconds * NS).astype(np.int64))


def write_synthetic_run(run_dir: Path, messages: int, load_s: float, seed: int) -> None:
    """A run with three classes, a queue, a carrier, handset delays, failures and messages still open."""
    run_dir.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    due = np.sort(random.uniform(0.0, load_s, messages))
    sent = due + random.exponential(0.0004, messages)
    replied = sent + random.lognormal(np.log(0.004), 0.4, messages)
    submitted = replied + random.exponential(0.02, messages) - 0.001
    submitted = np.maximum(submitted, sent + 1e-5)
    answered = submitted + random.lognormal(np.log(0.012), 0.3, messages)
    carrier = answered + random.exponential(0.05, messages)
    delivered = carrier + random.lognormal(np.log(2.5), 0.7, messages)
    reported = delivered + random.exponential(0.2, messages)
    confirmed = reported + 0.003
    end_s = load_s + 60.0
    dead = random.random(messages) < 0.03
    still_open = delivered > end_s
    keys = pa.array([f"syn-{slot:07d}" for slot in range(messages)])
    classes = random.choice(["otp", "transactional", "marketing"], messages, p=[0.2, 0.3, 0.5])
    zeros, ones = np.zeros(messages, dtype=np.int32), np.ones(messages, dtype=np.int32)
    empty = [""] * messages
    # By name, so that the error names a column that was added to the schema.
    load = pa.table(
        {
            "key": keys,
            "message_class": classes.tolist(),
            "campaign": empty,
            "worker": zeros,
            "t_intended_ns": _instants(due),
            "t_sent_ns": _instants(sent),
            "t_replied_ns": _instants(replied),
            "outcome": ["accepted"] * messages,
            "status": np.full(messages, 202, dtype=np.int32),
            "error": empty,
        },
        schema=records.LOAD_SCHEMA,
    )
    states = np.where(still_open, "open", np.where(dead, "undelivered", "delivered"))
    provider = pa.table(
        {
            "key": keys,
            "provider_id": [f"P{slot:09d}" for slot in range(messages)],
            "account": ["main"] * messages,
            "protocol": ["smsapi"] * messages,
            "country": ["PL"] * messages,
            "carrier": random.choice(["a", "b", "c", "d"], messages).tolist(),
            "segments": ones,
            "submits": ones,
            "accepts": ones,
            "t_submitted_ns": _instants(submitted),
            "t_answered_ns": _instants(answered),
            "t_carrier_ns": _instants(carrier),
            "t_final_ns": _instants(delivered, still_open),
            "t_reported_ns": _instants(reported, still_open),
            "t_confirmed_ns": _instants(confirmed, still_open),
            "state": states.tolist(),
            "reason": np.where(dead, "absent_subscriber", "").tolist(),
            "price": np.full(messages, 0.16),
            "fault": empty,
            "t_accepted_ns": _instants(submitted),
            "reply_ns": _lengths(answered - submitted),
            "radio_ns": _lengths(delivered - carrier),
            "handset_wait_ns": np.zeros(messages, dtype=np.int64),
            "throttled": np.zeros(messages, dtype=np.int32),
            "priority": np.zeros(messages, dtype=np.bool_),
            "ucs2_for": empty,
            "t_scheduled_ns": pa.nulls(messages, pa.int64()),
        },
        schema=records.PROVIDER_SCHEMA,
    ).take(pa.array(random.permutation(messages)))
    sender = pa.table(
        {
            "key": keys,
            "message_class": load["message_class"],
            "state": ["sent"] * messages,
            "reason": empty,
            "attempts": ones,
        },
        schema=records.SENDER_SCHEMA,
    )
    for name, table in (("load", load), ("provider", provider), ("sender", sender)):
        _write(run_dir / f"{name}.arrow", table)
    records.write_manifest(run_dir, _manifest(messages, load_s, end_s, seed))


def _write(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table, max_chunksize=16_384)


def _manifest(messages: int, load_s: float, end_s: float, seed: int) -> records.Manifest:
    return records.Manifest(
        scenario=records.RecordedScenario(name="synthetic", title=f"{messages:,} synthetic messages"),
        timing=records.Timing(duration_s=end_s),
        seeds={"synthetic": seed},
        profile_name="synthetic",
        started=records.Instant(wall="2026-01-01T00:00:00Z", wall_ns=0, clock_ns=START_NS),
        ended=records.Instant(wall="2026-01-01T00:10:00Z", wall_ns=0, clock_ns=START_NS + int(end_s * NS)),
        load_started_ns=START_NS,
        load_ended_ns=START_NS + int(load_s * NS),
        planned=messages,
    )


def measure(run_dir: Path) -> dict[str, float]:
    """Wall time and peak resident memory of ``python -m analysis``, as the system counts them."""
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "analysis", str(run_dir)], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    return {
        "wall_s": round(time.monotonic() - began, 2),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_rss_mib": round(usage.ru_maxrss / 1024, 1),
        "exit_code": os.waitstatus_to_exitcode(status),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--messages", type=int, default=500_000, help="at least 1")
    arguments.add_argument("--load-s", type=float, default=300.0)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--write", type=Path, help="only write the run directory, here")
    chosen = arguments.parse_args()
    if chosen.write:
        write_synthetic_run(chosen.write, chosen.messages, chosen.load_s, chosen.seed)
        return
    with tempfile.TemporaryDirectory() as scratch:
        run_dir = Path(scratch) / "run"
        # In a separate process: a child's peak begins with the memory of its parent.
        subprocess.run([sys.executable, __file__, "--write", str(run_dir), *sys.argv[1:]], check=True)
        print(json.dumps({"messages": chosen.messages, **measure(run_dir)}))


if __name__ == "__main__":
    main()
