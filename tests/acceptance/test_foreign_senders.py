"""Senders of a user's own with a known fault: one drops messages, one delays each by a constant time."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from bottleneck_runs import ALL_CLASSES, FAST, analysed, named_first, part_of
from naive_target import EXAMPLE, forward, free_port
from rich.console import Console

from analysis.model import PartReport
from loadtests.runner.interruption import Interruption
from loadtests.runner.part_run import PartRun
from loadtests.runner.progress import Progress
from loadtests.runner.settings import RunSettings
from loadtests.scenario import Scenario
from loadtests.targets import load_target

DELAY_S = 3.0
PER_S = 20.0


@contextmanager
def sender(delay_s: float, takes: Callable[[int], bool], provider_port: int) -> Iterator[int]:
    """Answers at once; forwards a message after ``delay_s`` if ``takes`` its number. Gives its port."""
    timers: list[threading.Timer] = []

    class ForeignSenderHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            message = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
            if takes(len(timers)):
                timer = threading.Timer(delay_s, forward, (provider_port, message))
            else:
                timer = threading.Timer(0.0, lambda: None)
            timers.append(timer)
            timer.start()
            body = msgspec.json.encode({"id": message["reference"]})
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None: ...

    class ForeignSenderServer(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    with ForeignSenderServer(("127.0.0.1", 0), ForeignSenderHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
    for timer in timers:
        timer.join(10)


def measured(tmp_path: Path, delay_s: float, takes: Callable[[int], bool]) -> PartReport:
    """20 messages per second for 15 s through that sender."""
    provider_port = free_port()
    part = part_of(tmp_path, PER_S, FAST, ALL_CLASSES, lasts_s=15.0)
    with sender(delay_s, takes, provider_port) as port:
        text = (
            EXAMPLE.read_text().replace("8088", str(port)).replace("port = 9500", f"port = {provider_port}")
        )
        file = tmp_path / "target.toml"
        file.write_text(text)
        settings = RunSettings(
            out=tmp_path / "run", seed=3, target_file=file, target=load_target(file), probe=False
        )
        scenario = Scenario(name="smoke", title="foreign", parts=(part,))
        console = Console(file=io.StringIO())
        with Interruption() as interruption, Progress(console) as progress:
            PartRun(scenario, part, tmp_path / "run", settings, progress, interruption).run()
    return analysed(tmp_path / "run")


def test_a_sender_that_drops_every_second_message(tmp_path: Path) -> None:
    report = measured(tmp_path, 0.0, lambda number: number % 2 == 0)
    named_first(report, "sender_unforwarded")
    counted = report.accounting
    assert abs(2 * counted.unaccounted - counted.accepted) <= 1
    evidence = report.bottlenecks[0].evidence[0]
    assert evidence.startswith(f"{counted.unaccounted} of {counted.accepted} accepted messages")
    (judged,) = [each for each in report.objectives if each.measure == "unaccounted"]
    assert judged.verdict == "missed"


def test_a_sender_that_delays_each_message_by_a_constant_time(tmp_path: Path) -> None:
    report = measured(tmp_path, DELAY_S, lambda _: True)
    # Other tests run at the same time, and the report may truly say that they use the cores.
    assert [each.kind for each in report.bottlenecks if each.kind != "machine"] == ["sender_hold"]
    assert report.accounting.unaccounted == 0


pytestmark = pytest.mark.timeout(180)
