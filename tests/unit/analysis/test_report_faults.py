"""A suite whose ``run.json`` cannot be is refused, and nothing outside the run directory is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from run_builder import Build

from analysis import records
from analysis.read.journeys import MalformedRunError
from analysis.report import build_report


def rewritten(place: Path, **changed: Any) -> None:
    manifest = msgspec.structs.replace(records.read_manifest(place), **changed)
    records.write_manifest(place, manifest)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"parts": ()}, "a suite without parts"),
        ({"parts": ("../elsewhere",)}, "part '../elsewhere' is outside the run directory"),
        ({"parts": (".",)}, "a part of a suite must be an ordinary run"),
        ({"capacity": "../elsewhere"}, "capacity '../elsewhere' is outside the run directory"),
        ({"capacity": "live"}, "capacity.json"),
    ],
)
def test_a_suite_that_cannot_be_is_refused(
    new_run: Build, write_suite: Callable[..., Path], changed: dict[str, Any], said: str
) -> None:
    new_run("live").write()
    suite = write_suite("live")
    rewritten(suite, **changed)
    with pytest.raises(MalformedRunError) as raised:
        build_report(suite)
    assert said in str(raised.value)
