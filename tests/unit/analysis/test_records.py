"""What a reader must put up with: other writers, and writers that were killed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from analysis.records import SAMPLES_SCHEMA, RowWriter, read_rows


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
