"""A provider as a real process, for tests of what becomes of its records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
from commands import with_small_files

ENVIRONMENT = os.environ | {"SMSBENCH_PROVIDER_TOKEN": "t", "SMSBENCH_ADMIN_TOKEN": "a"}


class ProviderUnderTest:
    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        assert process.stdout is not None
        self.process, self._log = process, log
        line = process.stdout.readline()
        self.ready: dict[str, Any] = json.loads(line) if line else {}

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        url, names = self.ready["url"] + path, {n.replace("_", "-"): v for n, v in headers.items()}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, names), timeout=10) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def send(self, key: str) -> tuple[int, Any]:
        body = urlencode({"to": "48500100200", "message": "x", "idx": key, "format": "json"}).encode()
        return self.ask("/sms.do", body, Authorization="Bearer t")

    def state(self) -> Any:
        return self.ask("/admin/state", Authorization="Bearer a")[1]

    def log(self) -> str:
        return self._log.read_text()


@contextmanager
def started_provider(
    folder: Path, profile: dict[str, Any], *options: str, most_bytes: int | None = None
) -> Iterator[ProviderUnderTest]:
    """``most_bytes``: what a file of the process may have; a write beyond fails, as on a full disk."""
    written, log = folder / "profile.json", folder / "log"
    written.write_text(json.dumps(profile))
    command = [sys.executable, "-m", "mock_provider", "--profile", str(written), *options]
    if most_bytes is not None:
        command = with_small_files(most_bytes, command)
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=ENVIRONMENT)
    with process:
        try:
            yield ProviderUnderTest(process, log)
        finally:
            process.kill()


def rows(journal: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with pa.OSFile(str(journal)) as source:
        try:
            for batch in pa.ipc.open_stream(source):
                found += batch.to_pylist()
        except (pa.ArrowInvalid, OSError):  # half a batch at the end
            pass
    return found
