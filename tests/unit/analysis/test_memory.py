"""The memory that a report needs for each message (docs/simulate.md)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.simulate.memory import REPORT_BYTES, REPORT_BYTES_PER_MESSAGE

ROOT = Path(__file__).parents[3]
FEW, MANY = 20_000, 120_000
# In a process of its own: the high-water mark of this one is that of other tests.
ANALYSE = """
import sys
from pathlib import Path
from analysis.part import analyse_part
from analysis.records import read_manifest
folder = Path(sys.argv[1])
analyse_part(folder, read_manifest(folder), "made")
for line in Path("/proc/self/status").read_text().splitlines():
    if line.startswith("VmHWM"):
        print(1024 * int(line.split()[1]))
"""


def highest_bytes(messages: int, folder: Path) -> int:
    """The most memory that the analysis of a run with so many messages had at once."""
    make = [
        str(ROOT / "benchmarks" / "analysis_size.py"),
        "--write",
        str(folder),
        "--messages",
        str(messages),
    ]
    subprocess.run([sys.executable, *make], check=True, timeout=100)
    analyse = [sys.executable, "-c", ANALYSE, str(folder)]
    done = subprocess.run(analyse, check=True, timeout=100, capture_output=True, text=True, cwd=ROOT)
    return int(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the high-water mark is Linux's")
def test_a_report_needs_no_more_memory_for_a_message_than_the_warning_says(tmp_path: Path) -> None:
    few, many = highest_bytes(FEW, tmp_path / "few"), highest_bytes(MANY, tmp_path / "many")
    assert few < REPORT_BYTES + FEW * REPORT_BYTES_PER_MESSAGE
    assert (many - few) / (MANY - FEW) < REPORT_BYTES_PER_MESSAGE
