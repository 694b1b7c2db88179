"""What benchmarks share: server processes pinned to a core, and a receiver of delivery reports."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import uvloop
from aiohttp import web

ROOT = Path(__file__).parent.parent
SERVER_CORE, LOAD_CORE = 0, 1
TOKEN, ADMIN = "bench-token", "bench-admin"


class ServerProcess:
    """A server's process and its ready line."""

    def __init__(self, pid: int, ready: dict[str, Any]) -> None:
        self.pid = pid
        self.ready = ready

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def cpu_s(self) -> float:
        return cpu_s(self.pid)

    def rss_mib(self) -> float:
        return float(psutil.Process(self.pid).memory_info().rss) / 2**20


def cpu_s(pid: int) -> float:
    """The CPU time, user and system, of a process and of those that it started."""
    process = psutil.Process(pid)
    used = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(times.user + times.system for times in used))


@contextmanager
def server(core: int | None, *command: str, root: Path = ROOT) -> Iterator[ServerProcess]:
    """Start a Python process that prints a ready line of JSON; on any core if ``core`` is None."""
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    with subprocess.Popen(
        [*pinned, sys.executable, *command], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            yield ServerProcess(process.pid, json.loads(process.stdout.readline()))
        finally:
            process.terminate()
            process.wait(60)


def require_cores() -> None:
    if not {SERVER_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        raise SystemExit(f"this benchmark needs cores {SERVER_CORE} and {LOAD_CORE}")


def provider_arguments(profile: str, journal: Path) -> tuple[str, ...]:
    return (
        *("-m", "mock_provider", "--profile", profile, "--token", TOKEN, "--admin-token", ADMIN),
        *("--journal", str(journal)),
    )


# Optional tables of a profile, with limits that are never reached: all checks run, and nothing is refused.
EVERYTHING_ON = {
    "throttle": {
        "requests": {"rate_per_s": 1_000_000, "burst": 1_000_000},
        "segments": {"rate_per_s": 10_000_000, "burst": 10_000_000},
    },
    "carriers": [
        {"name": name, "country": "PL", "mcc": "260", "mnc": mnc, "share": share}
        for name, mnc, share in (
            ("plus", "01", 24),
            ("t-mobile", "02", 23),
            ("orange", "03", 27),
            ("play", "06", 26),
        )
    ],
    "delivery": {"failures": [{"state": "undelivered", "reason": "absent", "share": 0.02}]},
}


def get(url: str, token: str = "") -> dict[str, object]:
    return _asked(urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"}))


def patch_profile(provider: str, patch: object) -> None:
    """Merge into the profile of the provider at this URL."""
    _asked(
        urllib.request.Request(
            f"{provider}/admin/profile",
            data=json.dumps(patch).encode(),
            headers={"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/json"},
            method="PATCH",
        )
    )


def _asked(request: urllib.request.Request) -> dict[str, object]:
    with urllib.request.urlopen(request, timeout=30) as reply:
        value: dict[str, object] = json.load(reply)
        return value


def drain(provider: str) -> None:
    """Wait until every accepted message is final and its report confirmed."""
    deadline = time.monotonic() + 60
    while (state := get(f"{provider}/admin/state", ADMIN))["open"]:
        if time.monotonic() > deadline:
            raise SystemExit(f"reports did not drain within a minute: {state['open']} open")
        time.sleep(0.05)


def receiver_server() -> None:
    """Confirms every delivery report and counts them."""
    reports = 0

    async def confirm(request: web.BaseRequest) -> web.Response:
        nonlocal reports
        if request.path == "/count":
            return web.json_response({"reports": reports})
        _, _, rest = request.raw_path.partition("MsgId=")
        reports += rest.partition("&")[0].count(",") + 1
        return web.Response(body=b"OK", content_type="text/plain")

    async def run() -> None:
        await serve(web.ServerRunner(web.Server(confirm, access_log=None)))

    uvloop.run(run())


async def serve(runner: web.BaseRunner) -> None:
    """Listen on a port of the system's choice, say where, and never end."""
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    receiver_server()
