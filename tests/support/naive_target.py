"""``examples/naive_sender.py`` as a user starts it, with its target file."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "naive_sender.py"
BUSY = ROOT / "tests" / "support" / "busy_sender.py"
EXAMPLE = ROOT / "examples" / "naive-sender.toml"
# Made once: from Python 3.12 on each opener makes a TLS context, which takes longer than a request.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def forward(provider_port: int, message: dict[str, str]) -> None:
    """One message to the mock provider, as the example submits it."""
    form = {"to": message["to"], "message": message["text"], "idx": message["reference"]}
    body = urllib.parse.urlencode({**form, "encoding": "utf-8", "format": "json"}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{provider_port}/sms.do", body)
    request.add_header("Authorization", "Bearer naive")
    OPENER.open(request, timeout=10).read()


@contextmanager
def naive_sender(port: int, provider_port: int, script: Path = SCRIPT) -> Iterator[None]:
    """``examples/naive_sender.py`` as a user starts it, or another script with its options."""
    process = subprocess.Popen(
        [
            *(sys.executable, str(script), "--port", str(port)),
            *("--provider", f"http://127.0.0.1:{provider_port}"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert "naive sender at" in process.stdout.readline()
        yield
    finally:
        process.terminate()
        process.communicate(timeout=30)


def target_file(folder: Path, port: int, provider_port: int, token: str = "naive") -> Path:
    """The example's file, on other ports."""
    text = EXAMPLE.read_text().replace("8088", str(port)).replace("port = 9500", f"port = {provider_port}")
    file = folder / "naive-sender.toml"
    file.write_text(text.replace('token = "naive"', f'token = "{token}"'))
    return file
