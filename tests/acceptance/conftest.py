"""Servers to aim a load at, and Locust as the process of its own that it must be (gevent patches what it
enters).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import StartLocust, StartSmsbench, with_signals, with_small_files
from stub_sender import StubSender

ROOT = Path(__file__).parents[2]
_SHORT_SCENARIO = """
from loadtests.arrivals import Mix, Poisson, Stream
from loadtests.locustfile import locustfile
from loadtests.scenario import Part, Scenario

STREAM = Stream(Poisson(20.0, 3.0), mix=Mix(1.0, 1.0, 1.0))
PART = Part(
    slug="short", title="short", role="plain", profile="fast", streams=(STREAM,), drain_timeout_s=20.0
)
SCENARIO = Scenario(name="short", title="60 messages of all classes in 3 s", parts=(PART,))
User, Shape = locustfile(SCENARIO, __name__)
"""


@pytest.fixture
def short_scenario(tmp_path: Path) -> str:
    """The path of a scenario file: ``smoke`` with 60 messages in 3 s, for tests of what follows the load."""
    path = tmp_path / "short_scenario.py"
    path.write_text(_SHORT_SCENARIO)
    return str(path)


@pytest.fixture
def sender() -> Iterator[StubSender]:
    stub = StubSender()
    stub.start()
    yield stub
    stub.stop()


@pytest.fixture
def locust() -> Iterator[StartLocust]:
    """Start Locust with these arguments; whatever is still running at the end is killed.

    ``most_bytes``: what a file of it may have; a write beyond fails, as on a full disk.
    """
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, most_bytes: int | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "locust", "--only-summary", "--exit-code-on-error", "0", *arguments]
        process = subprocess.Popen(
            command if most_bytes is None else with_small_files(most_bytes, command),
            cwd=ROOT,
            env={**os.environ, "SMSBENCH_SENDER_TOKEN": "t", "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


# A shell gives its background jobs an ignored SIGINT, nohup an ignored SIGHUP, and they pass it on.
_HEEDED = (signal.SIGINT, signal.SIGHUP)


@pytest.fixture
def smsbench() -> Iterator[StartSmsbench]:
    """Start the ``smsbench`` command; whatever is still running at the end is ended in order."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "smsbench", *arguments]
        process = subprocess.Popen(
            with_signals(signal.SIG_DFL, _HEEDED, command),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate()
