"""A run directory belongs to one run, also where several begin at the same moment."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loadtests.runner.run_directory import RunDirectoryError, make_run_directory, new_run_directory

AT = datetime(2026, 11, 29, 1, 2, 3, tzinfo=UTC)
_TOGETHER = 4


def _take(folder: Path, out: Path | None, gate: Any, found: Any) -> None:
    import os

    os.chdir(folder)
    gate.wait()
    try:
        if out is None:
            found.put(str(new_run_directory("smoke", AT)))
        else:
            make_run_directory(out)
            found.put(str(out))
    except RunDirectoryError as error:
        found.put(f"refused: {error}")


def taken_at_once(folder: Path, out: Path | None) -> list[str]:
    """What several processes get that ask at the same moment."""
    context = multiprocessing.get_context("spawn")
    gate, found = context.Barrier(_TOGETHER), context.Queue()
    processes = [context.Process(target=_take, args=(folder, out, gate, found)) for _ in range(_TOGETHER)]
    for process in processes:
        process.start()
    results = [found.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(timeout=60)
    return results


def test_runs_of_one_second_get_a_directory_each(tmp_path: Path) -> None:
    results = taken_at_once(tmp_path, None)
    plain = "reports/runs/20261129T010203Z-smoke"
    wanted = {plain, *(f"{plain}-{number}" for number in range(2, _TOGETHER + 1))}
    assert set(results) == wanted
    assert all((tmp_path / name).is_dir() for name in wanted)


@pytest.mark.parametrize("there", [False, True])
def test_one_empty_directory_goes_to_one_run(there: bool, tmp_path: Path) -> None:
    out = tmp_path / "run"
    if there:
        out.mkdir()
    results = taken_at_once(tmp_path, out)
    assert results.count(str(out)) == 1
    refused = [each for each in results if each.startswith("refused: ")]
    assert len(refused) == _TOGETHER - 1
    assert all("give --out another directory" in each for each in refused)


def test_a_directory_with_something_in_it_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunDirectoryError, match="not empty"):
        make_run_directory(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_only_its_owner_reads_a_new_one(tmp_path: Path) -> None:
    make_run_directory(tmp_path / "a" / "run")
    assert (tmp_path / "a" / "run").stat().st_mode & 0o777 == 0o700
