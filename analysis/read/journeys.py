"""Reads a run directory and joins its rows by key: columns with one entry for each arrival.

Instants become seconds after the load's start (float64; the subtraction is in integer nanoseconds, so that
rounding loses nothing), NaN if the event did not happen.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis import records
from analysis.arrays import Bools, Floats, Ints
from analysis.classes import in_class_order
from analysis.read.columns import ABSENT, Labels, codes, integers, labelled, positions, seconds
from analysis.read.provider_rows import PROVIDER_STATES, ProviderSide, join_provider
from analysis.read.wait_after_load import repeats_awaited

OUTCOMES = ("accepted", "refused", "failed", "dropped", "unfinished")
_NOT_TAKEN = ("refused", "failed", "dropped", "unfinished")
SENDER_STATES = ("queued", "submitting", "sent", "delivered", "failed", "expired")
# Prefix of a sender's reason: no attempt succeeded, and the message was not the cause.
GAVE_UP = "gave_up"
# The order of display; other classes follow by name.


class MalformedRunError(ValueError):
    """A run directory that cannot be read; the text names file and field."""


@dataclass(frozen=True)
class LoadSide:
    """The load's rows. ``class_index`` is an index of ``class_names``, ``outcome`` of OUTCOMES."""

    class_names: tuple[str, ...]
    class_index: Ints
    outcome: Ints
    status: Ints
    intended_s: Floats
    sent_s: Floats
    replied_s: Floats  # when the sender's reply was read
    error_names: tuple[str, ...]
    error: Ints  # why there is no reply, an index of ``error_names``; ABSENT with a reply, or if not known
    repeated_keys: int


@dataclass(frozen=True)
class SenderSide:
    """The sender's last states: ``state`` is an index of SENDER_STATES, ABSENT without a row."""

    present: bool
    state: Ints
    gave_up: Bools  # it failed the message after its last attempt, and the message was not the cause
    reason: Labels  # why it ended a message that has no final state at the provider


@dataclass(frozen=True)
class Samples:
    """Rows of ``samples.arrow`` as columns of equal length. docs/run-directory.md has the units."""

    at_s: Floats
    process: tuple[str, ...]
    name: tuple[str, ...]
    value: Floats


@dataclass(frozen=True)
class Journeys:
    """The rows of a run, joined by key: every column has one entry for each row of the load."""

    load: LoadSide
    provider: ProviderSide
    journal: bool  # whether there are provider rows; without them deliveries are unknown
    sender: SenderSide
    samples: Samples
    load_end_s: float
    end_s: float  # the last instant at which anything was observed
    # None until ``with_bench_drops``, which needs the limit of the lag. The bench was late, or held as many
    # requests as its machine can hold.
    dropped_by_bench: Bools
    dropped_at_machine_limit: Bools
    origin_ns: int = 0  # the load's start on the run's clock, the zero of the seconds
    repeats_awaited: bool = True  # the wait was long enough for a repeat of each refused message

    @property
    def count(self) -> int:
        """Number of arrivals."""
        return len(self.load.intended_s)

    @property
    def waited_s(self) -> float:
        """The wait after the load."""
        return self.end_s - self.load_end_s

    @property
    def accepted(self) -> Bools:
        """Messages that the sender accepted."""
        chosen: Bools = self.load.outcome == OUTCOMES.index("accepted")
        return chosen

    @property
    def refused_recipients(self) -> Bools:
        """Refused messages whose phone number the provider had refused: the sender passed that on."""
        refused: Bools = self.load.outcome == OUTCOMES.index("refused")
        return refused & self.provider.recipient_at_fault

    @property
    def not_taken(self) -> Bools:
        """Messages that the sender did not take, and arrivals above the in-flight limit that the load needs.
        Not those that the bench dropped, or had no room for.
        """
        left: Bools = np.isin(self.load.outcome, [OUTCOMES.index(name) for name in _NOT_TAKEN])
        return left & ~self.refused_recipients & ~self.dropped_by_bench & ~self.dropped_at_machine_limit

    @property
    def dropped_at_limit(self) -> Bools:
        """Arrivals that were not sent because requests that waited for the sender reached the in-flight
        limit.
        """
        chosen: Bools = self.load.outcome == OUTCOMES.index("dropped")
        return chosen & ~self.dropped_by_bench & ~self.dropped_at_machine_limit

    def of_class(self, name: str) -> Bools:
        """Messages of this class. Raises ``ValueError`` if no row has it."""
        chosen: Bools = self.load.class_index == self.load.class_names.index(name)
        return chosen


def read_journeys(run_dir: Path, manifest: records.Manifest) -> Journeys:
    """Raises ``MalformedRunError`` with file and column if the columns are not the schema's.

    One file is in memory at a time.
    """
    load, keys, origin_ns = _read_load(run_dir, manifest)
    provider = join_provider(rows(run_dir / "provider.arrow", records.PROVIDER_SCHEMA), keys, origin_ns)
    _return_unused()
    unended = (provider.state == ABSENT) | (provider.state == PROVIDER_STATES.index("open"))
    sender = _sender_side(rows(run_dir / "sender.arrow", records.SENDER_SCHEMA), keys, unended)
    samples = _samples(rows(run_dir / "samples.arrow", records.SAMPLES_SCHEMA), origin_ns)
    load_end_s, end_s = _ends(manifest, origin_ns, load, provider)
    count = len(keys)
    del keys
    _return_unused()
    return Journeys(
        load=load,
        provider=provider,
        journal=(run_dir / "provider.arrow").is_file(),
        sender=sender,
        samples=samples,
        load_end_s=load_end_s,
        end_s=end_s,
        dropped_by_bench=np.zeros(count, dtype=np.bool_),
        dropped_at_machine_limit=np.zeros(count, dtype=np.bool_),
        origin_ns=origin_ns,
        repeats_awaited=repeats_awaited(manifest, end_s - load_end_s),
    )


def _read_load(run_dir: Path, manifest: records.Manifest) -> tuple[LoadSide, pa.ChunkedArray, int]:
    """The load's side, the keys of its rows, and the load's start on the run's clock."""
    arrivals = load_rows(run_dir)
    origin_ns = manifest.load_started_ns or _first_ns(arrivals["t_intended_ns"])
    load = _load_side(arrivals, origin_ns)
    # A copy: a column that is not copied keeps all columns of its batches in memory.
    keys = pa.chunked_array([arrivals["key"].combine_chunks()], type=pa.string())
    return load, keys, origin_ns


def _return_unused() -> None:
    """Arrow keeps freed memory for later. The arrays that are made next are not Arrow's."""
    pa.default_memory_pool().release_unused()


def rows(path: Path, schema: pa.Schema) -> pa.Table:
    """Raises ``MalformedRunError`` with file and column."""
    try:
        return records.read_rows(path, schema)
    except ValueError as error:
        raise MalformedRunError(str(error)) from error


def load_rows(run_dir: Path) -> pa.Table:
    """The load's rows.

    If the runner was killed before it joined them, they are in one file per worker. Raises
    ``MalformedRunError``, also if there is no file.
    """
    joined = run_dir / "load.arrow"
    pieces = sorted(run_dir.glob("load-*.arrow")) or [joined]
    if pieces == [joined] and not joined.exists():
        raise MalformedRunError(
            f"{joined} does not exist: without the rows of the load no report can be written. "
            "A committed sample has only its report: open report/index.html"
        )
    tables = [rows(path, records.LOAD_SCHEMA) for path in pieces]
    return pa.concat_tables(tables, promote_options="default")


def _first_ns(column: pa.ChunkedArray) -> int:
    first = pc.min(column).as_py()
    return int(first) if first is not None else 0


def class_names(load: pa.Table) -> tuple[str, ...]:
    """The classes of the load's rows, in order; "" if a row has none."""
    return in_class_order(pc.unique(pc.fill_null(load["message_class"], "")).to_pylist())


def _load_side(rows: pa.Table, origin_ns: int) -> LoadSide:
    classes = pc.fill_null(rows["message_class"], "")
    names = class_names(rows)
    errors = tuple(sorted(name for name in pc.unique(rows["error"]).to_pylist() if name))
    keys = rows["key"]
    return LoadSide(
        class_names=tuple(name or "unclassed" for name in names),
        class_index=codes(classes, names),
        outcome=codes(rows["outcome"], OUTCOMES),
        status=integers(rows["status"]),
        intended_s=seconds(rows["t_intended_ns"], origin_ns),
        sent_s=seconds(rows["t_sent_ns"], origin_ns),
        replied_s=seconds(rows["t_replied_ns"], origin_ns),
        error_names=errors,
        error=codes(rows["error"], errors),
        repeated_keys=len(keys) - int(pc.count_distinct(keys, mode="all").as_py()),
    )


def _sender_side(rows: pa.Table, keys: pa.ChunkedArray, unended: Bools) -> SenderSide:
    """``unended``: messages without a final state at the provider."""
    # The last row of a key counts. index_in finds the first, so the rows are reversed.
    backward = rows.take(pa.array(np.arange(len(rows) - 1, -1, -1)))
    state = codes(backward["state"], SENDER_STATES)
    where = positions(keys, backward["key"])
    joined = np.where(where >= 0, state[where] if len(state) else ABSENT, ABSENT)
    spent = pc.starts_with(pc.fill_null(backward["reason"], ""), GAVE_UP).to_numpy()
    gave_up = np.where(where >= 0, spent[where] if len(spent) else False, False)
    ended = np.isin(joined, [SENDER_STATES.index(name) for name in ("failed", "expired")])
    with_reason = np.flatnonzero(ended & unended)
    return SenderSide(
        present=len(rows) > 0,
        state=joined,
        gave_up=gave_up.astype(np.bool_),
        reason=labelled(backward["reason"].take(pa.array(where[with_reason])), with_reason, len(joined)),
    )


def _samples(rows: pa.Table, origin_ns: int) -> Samples:
    return Samples(
        at_s=seconds(rows["t_ns"], origin_ns),
        process=tuple(rows["process"].to_pylist()),
        name=tuple(rows["name"].to_pylist()),
        value=rows["value"].to_numpy(),
    )


def _ends(
    manifest: records.Manifest, origin_ns: int, load: LoadSide, provider: ProviderSide
) -> tuple[float, float]:
    """When the load stopped and when observation did; from the rows if the manifest does not say."""
    last_due = _last(load.intended_s)
    load_end = (manifest.load_ended_ns - origin_ns) * 1e-9 if manifest.load_ended_ns else last_due
    seen = max(
        load_end,
        last_due,
        _last(load.replied_s),
        _last(provider.submitted_s),
        _last(provider.final_s),
        _last(provider.confirmed_s),
    )
    ended = (manifest.ended.clock_ns - origin_ns) * 1e-9
    # If the manifest uses another clock or 0, its end can be before the last row.
    return load_end, max(ended, seen) if manifest.ended.clock_ns else seen


def _last(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.max()) if len(finite) else 0.0
