"""``python -m analysis`` as the process that it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from run_builder import Build

from analysis.exit_codes import ExitCode
from analysis.records import read_result

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run_dir(new_run: Build) -> Path:
    run = new_run("run")
    for slot in range(20):
        run.journey(f"m-{slot}", float(slot), 2.0)
    written: Path = run.write()
    return written


def analysed(run_dir: Path, *options: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", ""), "PYTHONPATH": str(ROOT)}
    environment |= more.pop("environment", {})
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        [sys.executable, "-m", "analysis", str(run_dir), *options],
        cwd=run_dir.parent,
        env=environment,
        timeout=90,
        **streams,
    )
    return done


def test_the_environment_changes_neither_exit_code_nor_result(run_dir: Path) -> None:
    (run_dir.parent / "matplotlibrc").write_text("text.usetex: True\n")
    hostile = {"PYTHONIOENCODING": "ascii:strict", "MPLBACKEND": "module://not_there"}
    done = analysed(run_dir, "--call", "c-1", environment=hostile)
    result = read_result(run_dir)
    assert result is not None, done.stderr
    assert (result.call, result.exit_code) == ("c-1", done.returncode)
    assert done.returncode == 4  # 20 messages decide nothing
    assert (run_dir / "report" / "index.html").is_file()


@pytest.mark.parametrize("place", ["matplotlibrc", ".config/matplotlib/matplotlibrc"])
def test_settings_of_matplotlib_that_are_not_text_do_not_end_the_analysis(run_dir: Path, place: str) -> None:
    home = run_dir.parent
    (home / place).parent.mkdir(parents=True, exist_ok=True)
    (home / place).write_bytes(b"# \xb5\xff\n")
    done = analysed(run_dir, environment={"HOME": str(home)})
    assert done.returncode == 4, done.stderr
    assert b"matplotlibrc" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
def test_an_output_that_takes_nothing_changes_neither(run_dir: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        done = analysed(run_dir, "--no-charts", stdout=full, stderr=full)
    finally:
        os.close(full)
    result = read_result(run_dir)
    assert result is not None and result.exit_code == done.returncode == 4


def test_a_report_that_could_not_be_written_leaves_no_part_of_it(run_dir: Path) -> None:
    assert analysed(run_dir, "--no-charts").returncode == 4
    note = run_dir / "report" / "note.txt"
    note.write_text("of the user's own")
    (run_dir / "report" / "junit.xml").unlink()
    (run_dir / "report" / "junit.xml").mkdir()  # it cannot be written
    (run_dir / "report" / "junit.xml" / "x").touch()
    done = analysed(run_dir, "--no-charts")
    assert done.returncode == 2 and b"junit.xml" in done.stderr
    assert read_result(run_dir) is None
    assert not (run_dir / "report" / "summary.md").exists()
    assert note.is_file()


def test_an_import_error_does_not_exit_with_the_code_of_a_verdict(tmp_path: Path) -> None:
    script = (
        "import runpy, sys; sys.modules['analysis.cli'] = None; "
        "runpy.run_module('analysis', None, '__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == ExitCode.CRASHED
