"""Providers and senders as processes of one test, which can be killed, and requests to them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple


class StartedProcess(NamedTuple):
    url: str
    process: subprocess.Popen[bytes]


class StartedProcesses:
    """The processes of one test, in the order in which they were started. Their logs are in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, module: str, *arguments: str) -> StartedProcess:
        """Start ``python -m module`` and wait until it is ready."""
        path = self._directory / f"{module}.log"
        with path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, stderr=log
            )
        self._processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, path.read_text()
        ready = json.loads(line)
        assert ready["ready"] is True
        return StartedProcess(str(ready["url"]), process)

    def close(self) -> None:
        """Kill those that run."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def ask(url: str, token: str, body: bytes | None = None) -> dict[str, Any]:
    """GET, or POST of a CSV body; raises ``urllib.error.HTTPError`` for an error."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
        found = json.load(answer)
    assert isinstance(found, dict)
    return found
