"""Run directories for the tests of the analysis."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from run_builder import Build, RunBuilder

from analysis import records


@pytest.fixture
def new_run(tmp_path: Path) -> Build:
    """A builder for each name, in a directory of its own below the test's."""
    return lambda name: RunBuilder(tmp_path / name)


@pytest.fixture
def write_suite(tmp_path: Path) -> Callable[..., Path]:
    """Make ``tmp_path`` a suite of the named parts, which must lie in it."""

    def write(*parts: str) -> Path:
        first = records.read_manifest(tmp_path / parts[0])
        scenario = records.RecordedScenario(name="ladder", title="a ladder")
        suite = msgspec.structs.replace(first, kind="suite", parts=parts, scenario=scenario)
        records.write_manifest(tmp_path, suite)
        return tmp_path

    return write
