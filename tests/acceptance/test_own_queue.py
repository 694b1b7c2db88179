"""A sender of a user's own with one queue, as a first version often is: the page names its send order."""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from bottleneck_runs import ALL_CLASSES, FAST, analysed, part_of
from naive_target import EXAMPLE, forward, free_port
from rich.console import Console

from analysis.findings import NO_PRIORITY
from analysis.model import PartReport
from loadtests.runner.interruption import Interruption
from loadtests.runner.part_run import PartRun
from loadtests.runner.progress import Progress
from loadtests.runner.settings import RunSettings
from loadtests.scenario import Scenario
from loadtests.targets import load_target

PER_S, LASTS_S = 30.0, 15.0
SLOW = {**FAST, "reply": {"latency": {"kind": "fixed", "value_s": 0.05}}}  # at most 20/s in one request each
OTP, LAST = 0, 9


@contextmanager
def sender(otps_first: bool, provider_port: int) -> Iterator[int]:
    """Answers at once, and has one worker that submits one message after the other. Gives its port."""
    waiting: queue.PriorityQueue[tuple[int, int, dict[str, str]]] = queue.PriorityQueue()

    class OwnQueueHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            message = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
            urgent = otps_first and message["class"] == "otp"
            with numbering:
                waiting.put((OTP if urgent else 1, next(numbers), message))
            body = msgspec.json.encode({"id": message["reference"]})
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None: ...

    class OwnQueueServer(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    def submit() -> None:
        while (taken := waiting.get())[0] != LAST:
            try:
                forward(provider_port, taken[2])
            except OSError:  # on a slow machine messages are left when the run ends, and its provider with it
                return

    numbering, numbers = threading.Lock(), iter(range(1_000_000))
    worker = threading.Thread(target=submit, daemon=True)
    worker.start()
    with OwnQueueServer(("127.0.0.1", 0), OwnQueueHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
    waiting.put((LAST, 0, {}))
    worker.join(30)


def measured(tmp_path: Path, otps_first: bool) -> PartReport:
    """30 messages per second for 15 s: the last ones wait for about 7 s."""
    provider_port = free_port()
    part = part_of(tmp_path, PER_S, SLOW, ALL_CLASSES, lasts_s=LASTS_S, drain_timeout_s=20.0)
    with sender(otps_first, provider_port) as port:
        text = (
            EXAMPLE.read_text().replace("8088", str(port)).replace("port = 9500", f"port = {provider_port}")
        )
        file = tmp_path / "target.toml"
        file.write_text(
            text.replace('"reference": "{key}"', '"reference": "{key}", "class": "{message_class}"')
        )
        settings = RunSettings(
            out=tmp_path / "run", seed=3, target_file=file, target=load_target(file), probe=False
        )
        scenario = Scenario(name="smoke", title="own queue", parts=(part,))
        console = Console(file=io.StringIO())
        with Interruption() as interruption, Progress(console) as progress:
            PartRun(scenario, part, tmp_path / "run", settings, progress, interruption).run()
    return analysed(tmp_path / "run")


@pytest.mark.parametrize("otps_first", [False, True])
def test_the_send_order_of_an_own_sender_is_named_if_otps_wait_in_line(
    tmp_path: Path, otps_first: bool
) -> None:
    report = measured(tmp_path, otps_first)
    # The worker ends at the first refused connection. It must not be one in the middle of the load.
    assert report.accounting.submits > 0.8 * PER_S * LASTS_S
    found = [each.text for each in report.hints if each.name == NO_PRIORITY]
    assert len(found) == (0 if otps_first else 1), report.hints
    for text in found:
        assert text.startswith("OTPs waited in the sender as long as marketing messages: the median OTP ")
        assert "includes zero" in text
        assert text.endswith("Send OTPs first: with a priority, or through a lane of their own.")


pytestmark = pytest.mark.timeout(180)
