"""What no process of a run loads while it starts or handles messages: pandas takes most of a second."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def loaded_by(script: str) -> bool:
    """Whether a fresh interpreter has loaded pandas after the script."""
    script += "\nimport sys; print('pandas' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1] == "True"


def test_it_is_seen_where_it_is_loaded() -> None:
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


_NEW_AFTER = """
import sys
from pathlib import Path
{opening}
before = set(sys.modules)
{writing}
assert "pandas" not in set(sys.modules) - before, "loaded while rows are written"
"""


def written(opening: str, writing: str, place: Path) -> None:
    script = _NEW_AFTER.format(opening=opening.format(place=repr(str(place))), writing=writing)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr


def test_the_journal_does_not_load_it_while_messages_are_handled(tmp_path: Path) -> None:
    """pyarrow loads it with the first array that it makes: when the journal is opened."""
    opening = """
from mock_provider.engine.values import JournalRow
from mock_provider.runtime.journal import JOURNAL_SCHEMA, Journal
journal = Journal(Path({place}) / "provider.arrow")
"""
    writing = """
values = {"string": "a", "int32": 1, "int64": 1, "double": 1.0, "bool": True}
journal.write([JournalRow(*(values[str(field.type)] for field in JOURNAL_SCHEMA))])
journal.close()
"""
    written(opening, writing, tmp_path)


def test_the_load_does_not_load_it_while_messages_are_sent(tmp_path: Path) -> None:
    opening = """
from loadtests.recording import LoadRecorder
recorder = LoadRecorder(Path({place}), 0)
"""
    writing = """
recorder.row(("k", "otp", "", 0, 1, 2, 3, "accepted", 202, ""))
recorder.close()
"""
    written(opening, writing, tmp_path)
