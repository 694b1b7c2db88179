"""A scenario in a file outside the package: run, simulated, listed, and used as a locustfile."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from stub_sender import StubSender

from analysis.records import LOAD_SCHEMA, read_manifest, read_rows

ROOT = Path(__file__).parents[2]
LOAD_GUIDE = ROOT / "docs" / "load.md"
SCENARIO = """
from helper import RATE_PER_S  # a module beside the file
from loadtests.arrivals import Constant, Mix, Stream
from loadtests.locustfile import locustfile
from loadtests.scenario import Part, Scenario

SCENARIO = Scenario(
    name="two-seconds",
    title="20 one-time passwords in 2 s",
    parts=(
        Part(
            slug="flat",
            title="flat",
            role="plain",
            profile="fast",
            streams=(Stream(Constant(RATE_PER_S, 2.0), mix=Mix(otp=1.0)),),
            drain_timeout_s=10.0,
        ),
    ),
)
User, Shape = locustfile(SCENARIO, __name__)
"""


@pytest.fixture
def scenario_file(tmp_path: Path) -> Path:
    path = tmp_path / "my_scenario.py"
    path.write_text(SCENARIO)
    (tmp_path / "helper.py").write_text("RATE_PER_S = 10.0")
    return path


def smsbench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, called in another directory than the package's."""
    command = [str(Path(sys.executable).parent / "smsbench"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)


@pytest.mark.parametrize("command", [["run", "--workers", "2"], ["simulate"]])
def test_a_user_file_runs_and_has_a_report(
    scenario_file: Path, tmp_path_factory: pytest.TempPathFactory, command: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("elsewhere")
    done = smsbench(folder, *command, str(scenario_file), "--no-charts", "--out", "out")
    # A busy machine may make the run invalid; that it ends with a verdict is what counts here.
    assert done.returncode in (0, 1, 3, 4), done.stdout + done.stderr
    assert (folder / "out" / "report" / "index.html").is_file()
    manifest = read_manifest(folder / "out")
    assert (manifest.scenario.name, manifest.planned, manifest.exit_reason) == ("two-seconds", 20, "finished")
    rows = read_rows(folder / "out" / "load.arrow", LOAD_SCHEMA)
    assert Counter(rows.column("outcome").to_pylist()) == {"accepted": 20}


def test_a_user_file_is_listed(scenario_file: Path) -> None:
    done = smsbench(scenario_file.parent, "list", "my_scenario.py")
    assert done.stdout == "two-seconds  20 one-time passwords in 2 s (2 s of load)\n", done.stderr


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]])
def test_a_user_file_is_a_locustfile(
    scenario_file: Path,
    sender: StubSender,
    locust: Callable[..., subprocess.Popen[str]],
    processes: list[str],
) -> None:
    process = locust("-f", str(scenario_file), "--headless", "--host", sender.url, *processes)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert len(sender.bodies) == 20
    assert {body["message_class"] for body in sender.bodies} == {"otp"}


def test_the_example_of_the_guide_is_a_scenario(tmp_path: Path) -> None:
    text = LOAD_GUIDE.read_text(encoding="utf-8")
    example = text.split("### A scenario of your own")[1].split("```python\n")[1].split("```")[0]
    (tmp_path / "stairs.py").write_text(example)
    done = smsbench(tmp_path, "list", "stairs.py")
    assert done.stdout.startswith("stairs  "), done.stderr
