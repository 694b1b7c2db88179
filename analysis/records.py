"""The run directory's record types: schemas, manifest, reader, and the writer that ``loadtests`` uses.

Documented in docs/run-directory.md."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from analysis.earlier_versions import ADDED_LATER, names_of_today, upgraded
from analysis.fault_effects import RecordedEffect
from arrow_columns import column_array

SCHEMA_VERSION = 5
RESULT = "result.json"
ABORTED = "error: aborted by the user"  # exit_reason of a run that was killed; its records may be incomplete
# In ``scenario.parameters`` of a start in the web UI: messages of earlier starts that were still open then.
OPEN_BEFORE = "open_from_before"
_NS = pa.int64()
# Prefix of the keys of the runner's probe before the load. Rows of the probe are not read.
PROBE_KEY = "probe-"

LOAD_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("message_class", pa.string()),
        ("campaign", pa.string()),
        ("worker", pa.int32()),
        ("t_intended_ns", _NS),
        ("t_sent_ns", _NS),
        ("t_replied_ns", _NS),  # when the reply was read, also a refusal
        ("outcome", pa.string()),  # accepted, refused, failed, dropped, unfinished
        ("status", pa.int32()),  # HTTP status, 0 without a reply
        ("error", pa.string()),  # why there is no reply; "" with one
    ]
)

PROVIDER_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("provider_id", pa.string()),
        ("account", pa.string()),
        ("protocol", pa.string()),
        ("country", pa.string()),
        ("carrier", pa.string()),
        ("segments", pa.int32()),
        ("submits", pa.int32()),
        ("accepts", pa.int32()),
        ("t_submitted_ns", _NS),
        ("t_answered_ns", _NS),
        ("t_carrier_ns", _NS),
        ("t_final_ns", _NS),
        ("t_reported_ns", _NS),
        ("t_confirmed_ns", _NS),
        ("state", pa.string()),  # delivered, undelivered, expired, rejected, unknown, open
        ("reason", pa.string()),
        ("price", pa.float64()),
        ("fault", pa.string()),  # names of the faults that affected it, separated by commas; "" for none
        ("t_accepted_ns", _NS),  # the submit that was accepted reached the provider
        ("reply_ns", _NS),  # delay of the accepting answer, as drawn
        ("radio_ns", _NS),  # carrier to handset as drawn, without the wait for the handset
        ("handset_wait_ns", _NS),  # wait for a phone that was off or out of coverage; 0: reachable
        ("throttled", pa.int32()),  # submits of the key that were refused because of a rate limit
        ("priority", pa.bool_()),  # sent with the provider's priority flag
        ("ucs2_for", pa.string()),  # the only character that made the text UCS-2, "" otherwise
        ("t_scheduled_ns", _NS),  # the sender asked the provider to send it then; null: at once
    ]
)

SENDER_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("message_class", pa.string()),
        ("state", pa.string()),  # queued, submitting, sent, delivered, failed, expired
        ("reason", pa.string()),
        ("attempts", pa.int32()),
    ]
)

SAMPLES_SCHEMA = pa.schema(
    [("t_ns", _NS), ("process", pa.string()), ("name", pa.string()), ("value", pa.float64())]
)


class Instant(Struct, frozen=True):
    """One instant on the wall clock and on the run's clock (CLOCK_MONOTONIC, shared by local processes)."""

    wall: str  # ISO 8601, UTC
    wall_ns: int
    clock_ns: int


class Timing(Struct, frozen=True):
    """How the arrivals of a day were mapped to the run's time.

    ``speedup`` is how many times denser than the day the arrivals are (1.0: true speed). ``provider_scale``
    is the factor by which the provider's rates were multiplied and its delays divided (1.0: left as it is).
    ``duration_s`` is the run's own, real time.
    """

    speedup: float = 1.0
    provider_scale: float = 1.0
    window: Literal["day", "peak", "none"] = "none"
    duration_s: float = 0.0


class RecordedFault(Struct, frozen=True):
    """One fault window of the provider, on the run's clock. ``end_ns`` None: without end."""

    name: str  # as in the column ``fault`` of provider.arrow
    kind: str
    title: str  # its effect, as text
    start_ns: int
    end_ns: int | None = None
    effect: RecordedEffect | None = None  # None: written by an earlier version, or by another program


class InstrumentFailure(Struct, frozen=True):
    """A failure of the bench itself, with its cause: the run's figures do not describe the system.

    ``at_utc`` (ISO 8601) or ``t_ns`` (the run's clock): when it was noticed, if known.
    """

    process: str  # provider, sender, load, …
    what: str
    at_utc: str = ""
    t_ns: int | None = None


class RecordedScenario(Struct, frozen=True):
    """``decides`` is false for a run without a verdict: a what-if, a counterpart.

    ``counterpart`` is the slug of the part of the same suite that this run is compared with, message by
    message: both have the same plan, seeds and key tag. ``what_if`` is the difference from the part's own
    rules ("no priorities (FIFO)"); "" without a difference.
    """

    name: str
    title: str
    role: Literal["plain", "whole_day", "peak_slice", "compressed_day", "burst", "campaigns"] = "plain"
    messages_per_day: int | None = None  # the level of this run, if it has one
    parameters: dict[str, Any] = {}
    decides: bool = True
    counterpart: str = ""
    what_if: str = ""


class Manifest(Struct, frozen=True, kw_only=True):
    """``run.json``. A suite's manifest lists its ``parts``, each an ordinary run directory below it."""

    schema_version: int = SCHEMA_VERSION
    kind: Literal["run", "suite"] = "run"
    mode: Literal["real", "simulated"] = "real"
    scenario: RecordedScenario
    timing: Timing = Timing()
    parts: tuple[str, ...] = ()
    seeds: dict[str, int] = {}
    profile_name: str = ""
    profile: dict[str, Any] = {}
    target: dict[str, Any] = {}
    objectives: tuple[str, ...] = ()  # objectives in the grammar of docs/objectives.md; empty: the defaults
    versions: dict[str, str] = {}
    machine: dict[str, Any] = {}
    started: Instant
    ended: Instant
    load_started_ns: int = 0  # run's clock: the schedule's zero
    load_ended_ns: int = 0  # run's clock: the last intended arrival, or where the load was stopped
    planned: int = 0  # number of arrivals up to the load's end
    in_flight_limit: int = 0
    in_flight_needed: int = 0  # what the load needs; 0: the limit. A lower limit is what the machine can hold
    drain_timeout_s: float = 0.0
    exit_reason: str = "finished"  # finished, interrupted, drain_timeout, drain_ended, error: …
    faults: tuple[RecordedFault, ...] = ()  # the faults that had begun when the run ended
    instrument_failures: tuple[InstrumentFailure, ...] = ()  # each makes the run invalid
    capacity: str = ""  # of a suite: the directory that holds ``capacity.json``, relative to this one's


def write_manifest(run_dir: Path, manifest: Manifest) -> None:
    """Write ``run.json`` in one step, so that a reader never sees an incomplete file."""
    body = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    partial = run_dir / "run.json.partial"
    partial.write_bytes(body + b"\n")
    partial.replace(run_dir / "run.json")


def no_manifest(run_dir: Path) -> str:
    """The error text for a run directory without ``run.json``."""
    if not run_dir.is_dir():
        return f"{run_dir} is not a run directory: " + (
            "it is a file" if run_dir.exists() else "it does not exist"
        )
    parts = sorted(path.parent for path in run_dir.glob("parts/*/run.json"))
    if parts:
        hint = "".join(f"\n  smsbench report {part}" for part in parts)
        return f"{run_dir} is a suite whose runner was killed: it has no run.json. Report its parts:{hint}"
    return f"{run_dir} is not a run directory: it has no run.json"


def read_manifest(run_dir: Path) -> Manifest:
    """Raises ``ValueError`` with file and field if ``run.json`` is absent or malformed."""
    path = run_dir / "run.json"
    if not path.is_file():
        raise ValueError(no_manifest(run_dir))
    try:
        plain = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        version = plain.get("schema_version", SCHEMA_VERSION)
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise ValueError(
                f"{path}: schema_version {version} is newer than this smsbench reads ({SCHEMA_VERSION}); "
                "update smsbench"
            )
        is_current = plain.get("schema_version") == SCHEMA_VERSION
        return msgspec.convert(plain if is_current else upgraded(plain, SCHEMA_VERSION), Manifest)
    except msgspec.DecodeError as error:  # ValidationError is a DecodeError
        raise ValueError(f"{path}: {error}") from error


class JudgedObjective(Struct, frozen=True):
    """``objective`` in the grammar of docs/objectives.md. ``part`` is the directory's name in a suite."""

    objective: str
    verdict: Literal["met", "missed", "undecided"]
    part: str = ""  # "" for a run, and for an objective that no part could test


class FailedCheck(Struct, frozen=True):
    """A validity check that makes the run invalid, with its finding."""

    check: str
    found: str
    part: str = ""  # "" for a run, and for a failure of the suite itself


class NamedBottleneck(Struct, frozen=True):
    text: str  # as the report names it
    part: str = ""  # as in ``FailedCheck``
    kind: str = "unknown"  # as in ``summary.json``


class Steady(Struct, frozen=True, kw_only=True):
    """The steady part of a load, with 95 % intervals (analysis/measure/steady.py). Rates are per second.

    ``through``: messages that left every queue; ``error``: standard error. ``growth``: of the backlog;
    ``sustained``: it did not grow; None: unknown. ``reserve``: done at first, beyond the rate."""

    from_s: float
    to_s: float
    offered_per_s: float
    through_per_s: float
    through_low_per_s: float
    through_high_per_s: float
    through_error_per_s: float = 0.0
    growth_per_s: float
    growth_low_per_s: float
    growth_high_per_s: float
    backlog: float  # at the load's end, messages
    reserve: float
    sustained: bool | None


class AnalysisResult(Struct, frozen=True, kw_only=True):
    """``report/result.json``, written last: it proves that the report is complete, and names the run and the
    call. It also has the values that the capacity search needs.
    """

    run: str  # ``run_id`` of the run directory
    call: str  # the value of --call, "" without it
    exit_code: int
    valid: bool = True
    invalid_because: tuple[FailedCheck, ...] = ()
    objectives: tuple[JudgedObjective, ...] = ()
    bottlenecks: tuple[NamedBottleneck, ...] = ()  # in order, of one part after another
    sustained: bool | None = None  # the backlog did not grow, and the messages were taken; None: unknown
    offered_per_s: float = 0.0
    delivered_per_s: float = 0.0
    steady: Steady | None = None  # for a run; None for a suite, or if unknown
    many_lost: bool = False  # over 0.1 % of a run's messages were given up, lost or unaccounted
    profile_limits: str = "unknown"  # of a run's profile, as text; "none" without limits


def run_id(run_dir: Path) -> str:
    """The id of a run: a hash of its manifest. Raises ``OSError``."""
    return sha256((run_dir / "run.json").read_bytes()).hexdigest()[:16]


def write_result(run_dir: Path, result: AnalysisResult) -> None:
    """In one step, so that a reader never sees an incomplete file."""
    partial = run_dir / "report" / f"{RESULT}.partial"
    partial.write_bytes(msgspec.json.encode(result) + b"\n")
    partial.replace(run_dir / "report" / RESULT)


def read_result(run_dir: Path) -> AnalysisResult | None:
    """The result; None if there is none, or if it belongs to another run."""
    try:
        result = msgspec.json.decode((run_dir / "report" / RESULT).read_bytes(), type=AnalysisResult)
        return result if result.run == run_id(run_dir) else None
    except (OSError, msgspec.DecodeError):
        return None


class RowWriter:
    """Appends rows to an Arrow IPC stream, a batch per ``flush``; a crash loses the last. Raises OSError."""

    def __init__(self, path: Path, schema: pa.Schema, flush_rows: int = 16_384) -> None:
        self._schema = schema
        self._flush_rows = flush_rows
        self._rows: list[Sequence[Any]] = []
        self._sink = pa.OSFile(str(path), "wb")
        self._stream = pa.ipc.new_stream(self._sink, schema)

    def append(self, row: Sequence[Any]) -> None:
        self._rows.append(row)
        if len(self._rows) >= self._flush_rows:
            self.flush()

    def append_columns(self, columns: Sequence[Sequence[Any] | pa.Array]) -> None:
        """Write columns of equal length at once, after the rows that were appended before.

        A column may already be an array of the schema's type.
        """
        self.flush()
        self._write(columns)

    def flush(self) -> None:
        if not self._rows:
            return
        columns = list(zip(*self._rows, strict=True))
        self._rows.clear()
        self._write(columns)

    def _write(self, columns: Sequence[Sequence[Any] | pa.Array]) -> None:
        arrays = [
            column if isinstance(column, pa.Array) else column_array(column, field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        self._stream.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._sink.flush()

    def close(self) -> None:
        self.flush()
        self._stream.close()
        self._sink.close()


def read_rows(path: Path, schema: pa.Schema) -> pa.Table:
    """The rows of a stream up to its last complete batch. An absent or empty file is an empty table.

    Rows of the runner's probe (``PROBE_KEY``) are left out.

    Raises ``ValueError`` with file and column if the columns are not the schema's.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return schema.empty_table()
    batches: list[pa.RecordBatch] = []
    found = schema
    with pa.OSFile(str(path), "rb") as source:
        try:
            reader = pa.ipc.open_stream(source)
            _require_columns(path, reader.schema, schema)
            found = reader.schema
            for batch in reader:
                batches.append(batch)
        except (pa.ArrowInvalid, OSError):
            # A killed process leaves an incomplete batch at the end. The batches before it are complete.
            pass
    table = pa.Table.from_batches(batches, schema=found).rename_columns(names_of_today(found, schema))
    for field in schema:
        if field.name not in table.column_names:  # an earlier version wrote it
            value = pa.scalar(ADDED_LATER[field.name], type=field.type)
            table = table.append_column(field, pa.repeat(value, len(table)))
    # Another writer may have another order of columns, and more columns.
    return _without_probe(table.select(schema.names))


def _without_probe(table: pa.Table) -> pa.Table:
    if "key" not in table.column_names:
        return table
    probes = pc.starts_with(pc.fill_null(table["key"], ""), PROBE_KEY)
    return table.filter(pc.invert(probes)) if pc.any(probes).as_py() else table


def _require_columns(path: Path, found: pa.Schema, wanted: pa.Schema) -> None:
    today = names_of_today(found, wanted)
    for field in wanted:
        index = today.index(field.name) if field.name in today else -1
        if index < 0 and field.name in ADDED_LATER:
            continue
        if index < 0:
            raise ValueError(f"{path}: column {field.name!r} is missing")
        if found.field(index).type != field.type:
            raise ValueError(f"{path}: column {field.name!r} is {found.field(index).type}, not {field.type}")
