"""Analyses run directories: numbers, verdicts, charts and reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.measure.frames import RunFrames


def frames(run_dir: Path | str) -> RunFrames:
    """The tables of a run as pandas DataFrames (docs/run-directory.md).

    Raises ``ValueError`` if ``run_dir`` is a suite, is not a run directory, or has a malformed file.
    """
    from analysis.measure.frames import read_frames  # here: pandas takes most of a second to load

    return read_frames(Path(run_dir))
