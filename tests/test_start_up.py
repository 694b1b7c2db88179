"""Provider, sender and load do not load pandas, neither to start nor to write rows: that takes 0.3 s."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

ROOT = Path(__file__).parents[1]


def loaded_by(script: str) -> bool:
    """Whether a fresh interpreter has loaded pandas after the script."""
    script += "\nimport sys; print('pandas' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1] == "True"


def test_an_import_of_pandas_is_detected() -> None:
    assert loaded_by("import analysis.measure.frames")


_MODULES = (
    *("mock_provider.cli", "reference_sender.cli", "smsbench.launch"),
    *("loadtests.cli", "loadtests.runner", "loadtests.suites.scenario_run", "loadtests.users.open_model"),
    *("loadtests.recording", "loadtests.simulate.run"),
    *("analysis", "analysis.cli", "analysis.render.report_files"),
)


def test_starting_does_not_load_it() -> None:
    """One interpreter for all: pandas, once loaded, stays loaded, so the first that loads it is named."""
    script = f"""
import sys
from importlib import import_module
for name in {_MODULES!r}:
    import_module(name)
    assert "pandas" not in sys.modules, name
"""
    assert not loaded_by(script)


def test_a_run_of_live_parts_loads_neither_the_provider_nor_the_sender() -> None:
    script = """
import sys
import loadtests.suites.scenario_run
found = [name for name in ("mock_provider.engine", "reference_sender", "aiohttp") if name in sys.modules]
assert not found, found
"""
    assert not loaded_by(script)


_JOURNAL = """
from mock_provider.engine.values import JournalRow
from mock_provider.runtime.journal import JOURNAL_SCHEMA, Journal
journal = Journal(FOLDER / "provider.arrow")
numbers = (1, 2, None)
of_type = {"string": ("a", "ą", None), "int32": numbers, "int64": numbers, "double": (1.0, 2.5, None),
           "bool": (True, False, None)}
journal.write([JournalRow(*(of_type[str(field.type)][n] for field in JOURNAL_SCHEMA)) for n in range(3)])
journal.flush()
journal.write([JournalRow(*(of_type[str(field.type)][2] for field in JOURNAL_SCHEMA))])
journal.close()
"""
_LOAD = """
from loadtests.recording import LoadRecorder, LoadStatus
recorder = LoadRecorder(FOLDER, 0)
recorder.row(("k-1", "otp", "", 0, 1, 2, 3, "accepted", 202, ""))
recorder.row(("k-2", "marketing", "c", 0, 2, None, None, "dropped", 0, ""))
recorder.flush()
recorder.row(("k-3", "otp", "", 0, 3, 4, None, "failed", 0, "refused"))
recorder.status(LoadStatus())
recorder.close()
assert not recorder.lost
"""
_SAMPLES = """
from analysis.records import SAMPLES_SCHEMA, RowWriter
samples = RowWriter(FOLDER / "samples.arrow", SAMPLES_SCHEMA)
samples.append((1, "sender", "queue", 1.0))
samples.append((1, "provider", "open", 0.5))
samples.close()
"""
_SIMULATION = """
from loadtests.arrivals import Mix, Plan, Poisson, Schedule, Stream
from loadtests.simulate.arrivals import Arrivals
from loadtests.simulate.records import RunRecords
from mock_provider.engine import Engine
from mock_provider.profiles import load_profile
from reference_sender.dispatch.values import Change, State
schedule = Schedule(Plan(streams=(Stream(Poisson(5.0, 4.0), mix=Mix(1.0, 1.0, 1.0)),), seed=1, key_tag="t"))
engine = Engine(load_profile("fast"), 1)
(piece,) = Arrivals(schedule, 0, 2).pieces()
first, second = piece.messages[:2]
records = RunRecords(FOLDER, schedule)
records.arrived([first, second], set())
records.changed(Change(first.message_id, first.key, State.DELIVERED, "", None, 1, 0))
records.close(engine)
"""


@pytest.mark.parametrize(
    "writing", [_JOURNAL, _LOAD, _SAMPLES, _SIMULATION], ids=["journal", "load", "samples", "simulation"]
)
def test_writing_rows_does_not_load_it(writing: str, tmp_path: Path) -> None:
    """``pyarrow.array`` and ``pyarrow.scalar`` load it with their first call."""
    assert not loaded_by(f"from pathlib import Path\nFOLDER = Path({str(tmp_path)!r})\n{writing}")
    assert sum(rows_of(path) for path in tmp_path.glob("*.arrow")) >= 2


def rows_of(path: Path) -> int:
    return int(pa.ipc.open_stream(path).read_all().num_rows)
