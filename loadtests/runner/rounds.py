"""A load that Locust's web UI started more than once: each round becomes a part.

Provider and sender keep running from one round to the next. Their rows are separated by the keys of the
load's rows, and the manifest of a round counts the messages that were open when it began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis import records
from loadtests.arrays import IntArray
from loadtests.arrivals import Plan
from loadtests.recording import LoadStatus, combine
from loadtests.runner.expected_arrivals import arrivals_due

LoadRound = Mapping[int, LoadStatus]  # each worker's last status
_FILES = {
    "load": records.LOAD_SCHEMA,
    "provider": records.PROVIDER_SCHEMA,
    "sender": records.SENDER_SCHEMA,
    "samples": records.SAMPLES_SCHEMA,
}


def stopped_early(load_round: LoadRound) -> bool:
    """Whether it was stopped before all arrivals of its plan were due."""
    status = combine(load_round.values())
    return bool(status.start_ns) and status.due < status.planned


def split_rounds(
    run_dir: Path, whole: records.Manifest, plan: Plan, rounds: Sequence[LoadRound], workers: int
) -> records.Manifest:
    """Turn the run directory into a suite with one part for each Start; return the suite's manifest."""
    starts = [combine(load_round.values()).start_ns for load_round in rounds]
    rows = {
        name: records.read_rows(run_dir / f"{name}.arrow", schema)
        for name, schema in _FILES.items()
        if (run_dir / f"{name}.arrow").is_file()
    }
    owner = _owners(rows, starts)
    places = []
    for number, load_round in enumerate(rounds):
        place = f"parts/{number + 1:02d}-start"
        folder = run_dir / place
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in rows.items():
            _write(folder / f"{name}.arrow", table.filter(pa.array(owner[name] == number)))
        before = _open_at(rows, owner, number, starts[number])
        part = _part(whole, plan, load_round, workers, (number, len(rounds), before))
        records.write_manifest(folder, part)
        places.append(place)
    reasons = [records.read_manifest(run_dir / place).exit_reason for place in places]
    suite = msgspec.structs.replace(
        whole,
        kind="suite",
        scenario=records.RecordedScenario(name=whole.scenario.name, title=whole.scenario.title),
        parts=tuple(places),
        exit_reason=next((reason for reason in reasons if reason != "finished"), "finished"),
        instrument_failures=(),  # each part has its own
        faults=(),
    )
    records.write_manifest(run_dir, suite)
    for name in rows:
        (run_dir / f"{name}.arrow").unlink()
    return suite


def _part(
    whole: records.Manifest, plan: Plan, load_round: LoadRound, workers: int, place: tuple[int, int, int]
) -> records.Manifest:
    number, count, open_before = place
    status = combine(load_round.values())
    last = number == count - 1
    reason = whole.exit_reason if last else "finished"
    if reason in ("finished", "drain_timeout", "drain_ended") and stopped_early(load_round):
        reason = "interrupted"
    scenario = msgspec.structs.replace(
        whole.scenario,
        title=f"{whole.scenario.title} (start {number + 1} of {count} in the web UI)",
        parameters=whole.scenario.parameters | {records.OPEN_BEFORE: open_before},
    )
    return msgspec.structs.replace(
        whole,
        scenario=scenario,
        load_started_ns=status.start_ns,
        load_ended_ns=status.end_ns,
        planned=arrivals_due(plan, load_round, workers, complete=not stopped_early(load_round)),
        exit_reason=reason,
        faults=tuple(
            fault for fault in whole.faults if fault.end_ns is None or fault.end_ns > status.start_ns
        ),
    )


def _owners(rows: Mapping[str, pa.Table], starts: Sequence[int]) -> dict[str, IntArray]:
    """For each file, the round of each of its rows. A row without a load row is assigned by its time, or to
    the first round."""
    load = rows["load"]
    of_load = _by_time(load["t_intended_ns"], starts)
    found = {"load": of_load}
    if "samples" in rows:
        found["samples"] = _by_time(rows["samples"]["t_ns"], starts)
    for name in ("provider", "sender"):
        if name not in rows:
            continue
        # A later part of a long message has another key: <key>/<number>.
        base = pc.replace_substring_regex(pc.fill_null(rows[name]["key"], ""), r"/[0-9]+$", "")
        at = pc.fill_null(pc.index_in(base, value_set=load["key"].combine_chunks()), -1).to_numpy()
        by_time = (
            _by_time(rows[name]["t_submitted_ns"], starts)
            if name == "provider"
            else np.zeros(len(at), dtype=np.int64)
        )
        found[name] = np.where(at >= 0, of_load[at] if len(of_load) else 0, by_time)
    return found


def _by_time(instants: pa.ChunkedArray, starts: Sequence[int]) -> IntArray:
    """The round in progress at each time; the first for an earlier time, or without a time."""
    at_ns = pc.fill_null(instants, 0).to_numpy()
    last: IntArray = np.searchsorted(np.array(starts, np.int64), at_ns, side="right").astype(np.int64) - 1
    return np.maximum(last, 0)


def _open_at(rows: Mapping[str, pa.Table], owner: Mapping[str, IntArray], number: int, start_ns: int) -> int:
    """Accepted messages of earlier rounds that were not final at the provider when this round began."""
    load = rows["load"]
    earlier = load.filter(pa.array(owner["load"] < number) if len(load) else pa.array([], pa.bool_()))
    accepted = pc.filter(earlier["key"], pc.equal(earlier["outcome"], "accepted"))
    if "provider" not in rows:
        return len(accepted)
    provider = rows["provider"]
    ended = pc.fill_null(pc.less(provider["t_final_ns"], start_ns), False)
    ended_keys = provider.filter(ended)["key"].combine_chunks()
    return int(pc.sum(pc.invert(pc.is_in(accepted, value_set=ended_keys))).as_py() or 0)


def _write(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
