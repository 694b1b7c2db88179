"""pandas takes most of a second to load: no process of a run loads it while it starts or handles messages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def loaded_by(script: str) -> bool:
    """Whether a fresh interpreter has loaded pandas after the script."""
    script += "\nimport sys; print('pandas' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=90
    )
    return done.stdout.splitlines()[-1] == "True"


def test_it_is_seen_where_it_is_loaded() -> None:
    assert loaded_by("import analysis.measure.frames")


@pytest.mark.parametrize(
    "module",
    [
        *("mock_provider.cli", "reference_sender.cli", "smsbench.launch"),
        *("loadtests.cli", "loadtests.runner", "loadtests.users.open_model"),
        *("loadtests.recording", "loadtests.simulate.run"),
        *("analysis", "analysis.cli", "analysis.render.report_files"),
    ],
)
def test_starting_does_not_load_it(module: str) -> None:
    assert not loaded_by(f"import {module}")


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
recorder.row(("k", "otp", "", 0, 1, 2, 3, "accepted", 202))
recorder.close()
"""
    written(opening, writing, tmp_path)
