"""The provider writes what the analysis reads, without sharing a module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.records import PROVIDER_SCHEMA, read_rows
from mock_provider.engine.values import JournalRow
from mock_provider.runtime.journal import JOURNAL_SCHEMA, Journal


def test_both_know_the_same_columns() -> None:
    assert JOURNAL_SCHEMA.equals(PROVIDER_SCHEMA)
    assert JournalRow.__struct_fields__ == tuple(PROVIDER_SCHEMA.names)


def test_analysis_reads_a_journal_that_was_never_closed(tmp_path: Path) -> None:
    path = tmp_path / "provider.arrow"
    journal = Journal(path)
    values: dict[str, Any] = dict.fromkeys(PROVIDER_SCHEMA.names, "x")
    values |= {
        "segments": 1,
        "submits": 1,
        "accepts": 0,
        "price": 0.5,
        "throttled": 2,
        "priority": True,
    }
    values |= {name: None for name in PROVIDER_SCHEMA.names if name.endswith("_ns")}
    journal.write([JournalRow(**values)])
    journal.flush()
    assert read_rows(path, PROVIDER_SCHEMA).to_pylist() == [values]
    journal.close()
