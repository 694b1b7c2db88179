"""Runs beside settings of other tools, with nobody who reads them, and with an end that nobody planned."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from commands import StartSmsbench, with_small_files
from waiting import eventually

from analysis.records import PROVIDER_SCHEMA, read_manifest, read_result, read_rows

ROOT = Path(__file__).parents[2]


def sends(out: Path) -> bool:
    statuses = [json.loads(path.read_bytes()) for path in out.glob("load-*.json")]
    return bool(statuses) and all(status["accepted"] >= 5 for status in statuses)


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def test_a_run_whose_runner_is_killed_leaves_nothing_running(smsbench: StartSmsbench, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = smsbench("run", "smoke", "--workers", "2", "--out", str(out))
    eventually(lambda: sends(out) and len(list(out.glob("load-*.json"))) == 2, 60.0)
    children = family(process)
    assert len(children) == 5  # provider, sender, Locust's master and its two workers
    process.kill()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
    # In order: the provider has written its journal to the end.
    assert (out / "logs" / "provider.log").read_text().rstrip().endswith("stopping")
    assert read_rows(out / "provider.arrow", PROVIDER_SCHEMA).num_rows >= 10


def test_a_terminal_that_is_closed_ends_the_run_in_order_and_it_still_reports(
    smsbench: StartSmsbench, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    process = smsbench("run", "smoke", "--no-charts", "--out", str(out))
    eventually(lambda: sends(out), 60.0)
    children = family(process)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    for _ in range(2):  # the kernel's and the shell's
        process.send_signal(signal.SIGHUP)
    process.wait(60)
    assert read_manifest(out).exit_reason == "interrupted"
    result = read_result(out)
    assert result is not None and result.exit_code == process.returncode
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive


_SHORT = ["--profile", "fast", "--duration", "5", "--out", "run"]


def test_a_run_goes_its_way_beside_other_tools_settings_and_without_a_reader(tmp_path: Path) -> None:
    """Files and variables that replaced modules or settings of smsbench, or changed them."""
    home = tmp_path / "home"
    (home / ".config" / "matplotlib").mkdir(parents=True)
    for path in (tmp_path / "locust.conf", home / ".locust.conf"):
        path.write_text("master = true\nexpect-workers = 2\n")
    (tmp_path / "pyproject.toml").write_text("[tool.locust]\nlocustfile = 'other.py'\n")
    for path in (tmp_path / "matplotlibrc", home / ".config" / "matplotlib" / "matplotlibrc"):
        path.write_text("text.usetex: True\nfigure.dpi: 7\n")
    theirs = tmp_path / "theirs"
    for folder in (tmp_path, theirs):
        folder.mkdir(exist_ok=True)
        for name in ("analysis", "locust", "queue", "mock_provider", "reference_sender"):
            (folder / f"{name}.py").write_text("raise SystemExit(0)\n")
    dead = "http://127.0.0.1:9"
    environment = {
        **{"HOME": str(home), "PYTHONPATH": os.pathsep.join([str(ROOT), str(theirs)])},
        **{"LOCUST_MODE_MASTER": "true", "LOCUST_HEADLESS": "false", "MPLBACKEND": "module://not_there"},
        **dict.fromkeys(("HTTP_PROXY", "http_proxy", "all_proxy"), dead),
        **{"PYTHONWARNINGS": "error", "PYTHONIOENCODING": "ascii", "SMSBENCH_SENDER_TOKEN": "another"},
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "smsbench", "run", "day-500k", *_SHORT],
        cwd=tmp_path,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"day-500k: ")
    process.stdout.close()
    try:
        process.wait(100)
    finally:
        process.terminate()
        process.wait(60)
    assert read_manifest(tmp_path / "run").exit_reason == "finished"
    result = read_result(tmp_path / "run")
    assert result is not None and result.exit_code == process.returncode
    assert process.returncode in (0, 1, 3, 4)  # a busy machine may make it late or invalid
    assert (tmp_path / "run" / "report" / "stages.png").stat().st_size > 10_000


def test_a_run_that_may_write_no_large_file_says_so_and_leaves_no_store(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "smsbench", "run", "smoke", "--out", str(tmp_path / "run")]
    process = subprocess.Popen(
        with_small_files(16 * 1024, command),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 3, output
    assert "Traceback" not in output and "please report it" not in output
    assert "The result of this run is not valid" in output
    assert read_manifest(tmp_path / "run").exit_reason.startswith("error: ")
    assert not list((tmp_path / "run").glob("sender.db*"))


@pytest.mark.parametrize("arguments", [["list"], ["run", "--help"]])
def test_a_command_whose_reader_has_gone_away_ends_without_a_word(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "smsbench", *arguments],
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


pytestmark = pytest.mark.timeout(180)
