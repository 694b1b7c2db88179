"""What ``make test`` prints of the branches that tests take: the counts of all processes, joined."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SUPPORT = Path(__file__).parent / "support"
CONFTEST = """
from pathlib import Path
from branch_coverage import BranchCoverage
COVERAGE = BranchCoverage(Path(__file__).parent, ("counted", "untouched"))

def pytest_configure(config):
    config.pluginmanager.register(COVERAGE)
"""
COUNTED = """
def sign(number):
    if number < 0:
        return -1
    return 1
"""
# Each file is a process of its own: together they take both branches.
TESTS = {
    "test_below.py": "from counted import sign\ndef test_below(): assert sign(-5) == -1\n",
    "test_above.py": "from counted import sign\ndef test_above(): assert sign(5) == 1\n",
}

# Plugins that are found by themselves, such as Hypothesis, would be loaded by each process.
_SETTINGS = {"SMSBENCH_BRANCH_COVERAGE": "missed.txt", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def printed(folder: Path, *arguments: str) -> list[str]:
    for package, text in (("counted", COUNTED), ("untouched", COUNTED)):
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text(text)
    for name, text in {**TESTS, "conftest.py": CONFTEST, "pytest.ini": "[pytest]"}.items():
        (folder / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "xdist", *arguments],
        cwd=folder,
        env={**os.environ, **_SETTINGS, "PYTHONPATH": f"{SUPPORT}:{folder}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.stdout.splitlines()


def words(lines: list[str], package: str) -> list[str]:
    (line,) = [line for line in lines if line.split()[:1] == [package]]
    return line.split()[1:]


def test_what_several_processes_took_is_joined(tmp_path: Path) -> None:
    lines = printed(tmp_path, "-n", "2", "--dist", "loadfile")
    assert words(lines, "counted") == ["2", "of", "2", "100.0%"], lines
    assert words(lines, "untouched") == ["0", "of", "2", "0.0%"]
    assert words(lines, "all") == ["2", "of", "4", "50.0%"]
    missed = (tmp_path / "missed.txt").read_text().splitlines()
    assert missed == ["untouched/__init__.py:3 -> 4", "untouched/__init__.py:3 -> 5"]


def test_a_branch_that_no_test_takes_is_named(tmp_path: Path) -> None:
    lines = printed(tmp_path, "test_above.py")
    assert words(lines, "counted") == ["1", "of", "2", "50.0%"], lines
    assert "counted/__init__.py:3 -> 4" in (tmp_path / "missed.txt").read_text().splitlines()


def test_a_process_that_ends_without_a_count_is_named(tmp_path: Path) -> None:
    (tmp_path / "test_gone.py").write_text("import os\ndef test_gone(): os._exit(1)\n")
    lines = printed(tmp_path, "-n", "2", "--dist", "loadfile", "--max-worker-restart", "0")
    assert "1 process(es) of pytest ended without a count" in lines


def test_a_package_that_was_imported_too_early_is_an_error(tmp_path: Path) -> None:
    lines = printed(tmp_path, "-p", "counted")
    assert any("cannot be marked in what is imported: counted" in line for line in lines), lines
