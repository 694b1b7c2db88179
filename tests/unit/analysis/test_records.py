"""What a reader must put up with: other writers, and writers that were killed."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from analysis.records import LOAD_SCHEMA, PROVIDER_SCHEMA, SAMPLES_SCHEMA, RowWriter, read_manifest, read_rows


def test_rows_come_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "samples.arrow"
    writer = RowWriter(path, SAMPLES_SCHEMA, flush_rows=2)
    for second in range(5):
        writer.append((second, "load", "cpu_percent", second / 2))
    writer.close()
    assert read_rows(path, SAMPLES_SCHEMA)["t_ns"].to_pylist() == [0, 1, 2, 3, 4]


def test_a_killed_writer_loses_its_last_batch_only(tmp_path: Path) -> None:
    path = tmp_path / "samples.arrow"
    writer = RowWriter(path, SAMPLES_SCHEMA, flush_rows=100)
    for second in range(300):
        writer.append((second, "load", "cpu_percent", 0.5))
    whole = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(whole - 50)
    assert len(read_rows(path, SAMPLES_SCHEMA)) == 200


def test_another_writers_columns_may_have_another_order_and_company(tmp_path: Path) -> None:
    path = tmp_path / "samples.arrow"
    table = pa.table(
        {
            "host": ["a", "b"],
            "value": [1.0, 2.0],
            "name": ["cpu_percent", "cpu_percent"],
            "process": ["load", "load"],
            "t_ns": [1, 2],
        }
    )
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    assert read_rows(path, SAMPLES_SCHEMA).to_pylist()[1] == {
        "t_ns": 2,
        "process": "load",
        "name": "cpu_percent",
        "value": 2.0,
    }


def test_a_column_of_another_type_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "samples.arrow"
    table = pa.table({"t_ns": [0.5], "process": ["load"], "name": ["cpu_percent"], "value": [1.0]})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    with pytest.raises(ValueError, match="column 't_ns' is double, not int64"):
        read_rows(path, SAMPLES_SCHEMA)


def test_an_absent_file_is_an_empty_table(tmp_path: Path) -> None:
    assert read_rows(tmp_path / "samples.arrow", SAMPLES_SCHEMA).num_rows == 0


EARLIER_NAMES = {
    "t_accepted_ns": "t_taken_ns",
    "message_class": "class",
    "t_replied_ns": "t_accepted_ns",
    "protocol": "wire",
    "t_final_ns": "t_delivered_ns",
    "priority": "fast",
}


@pytest.mark.parametrize("schema", [LOAD_SCHEMA, PROVIDER_SCHEMA])
def test_columns_of_version_2_are_read_under_their_new_names(tmp_path: Path, schema: pa.Schema) -> None:
    earlier = pa.schema([(EARLIER_NAMES.get(field.name, field.name), field.type) for field in schema])
    assert earlier.names != schema.names
    path = tmp_path / "rows.arrow"
    writer = RowWriter(path, earlier)
    values = {pa.string(): "x", pa.bool_(): True, pa.float64(): 0.5}
    row = [values.get(field.type, number) for number, field in enumerate(earlier)]
    writer.append(row)
    writer.close()
    assert list(read_rows(path, schema).to_pylist()[0].items()) == list(zip(schema.names, row, strict=True))


def test_a_manifest_of_version_2_is_read_under_its_new_names(tmp_path: Path) -> None:
    instant = {"wall": "2026-01-05T10:00:00.000Z", "wall_ns": 0, "clock_ns": 1}
    manifest = {
        "schema_version": 2,
        "scenario": {"name": "s", "title": "s"},
        "timing": {"compress": 288.0, "window": "day"},
        "slos": ["otp.p95<20s"],
        "drain_limit_s": 60.0,
        "exit_reason": "drain_limit",
        "profile": {
            "wire": {"smsapi": {}},
            "carriers": [{"fast_latency": 1}],
            "account": {"fast_price_factor": 1.5},
        },
        "started": instant,
        "ended": instant,
    }
    (tmp_path / "run.json").write_text(json.dumps(manifest))
    read = read_manifest(tmp_path)
    assert (read.schema_version, read.timing.speedup, read.objectives) == (5, 288.0, ("otp.p95<20s",))
    assert (read.drain_timeout_s, read.exit_reason) == (60.0, "drain_timeout")
    assert read.profile == {
        "protocol": {"smsapi": {}},
        "carriers": [{"priority_latency": 1}],
        "account": {"priority_price_factor": 1.5},
    }


def test_a_newer_version_is_refused_with_the_version_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"schema_version": 6}')
    with pytest.raises(ValueError, match=r"schema_version 6 is newer than this smsbench reads \(5\)"):
        read_manifest(tmp_path)
