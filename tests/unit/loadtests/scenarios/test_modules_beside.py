"""A scenario file that imports a module from its own directory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from loadtests import catalogue
from loadtests.scenario import ScenarioError

_WITH_HELPER = """
from helper import title
from loadtests.arrivals import Constant, Stream
from loadtests.scenario import Part, Scenario
streams = (Stream(Constant(10.0, 2.0)),)
part = Part(slug="flat", title="flat", role="plain", profile="fast", streams=streams)
SCENARIO = Scenario(name="mine", title=title, parts=(part,))
"""


def test_a_file_imports_the_module_beside_it(tmp_path: Path) -> None:
    path_before = list(sys.path)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "helper.py").write_text(f"title = {folder!r}")
        (tmp_path / folder / "mine.py").write_text(_WITH_HELPER)
    assert [catalogue.read_file(tmp_path / folder / "mine.py").title for folder in ("one", "two")] == [
        "one",
        "two",
    ]
    assert sys.path == path_before
    assert "helper" not in sys.modules


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(_WITH_HELPER)
    with pytest.raises(
        ScenarioError, match=r"mine\.py, line \d+, fails: ModuleNotFoundError: No module named 'helper'"
    ):
        catalogue.read_file(tmp_path / "mine.py")
