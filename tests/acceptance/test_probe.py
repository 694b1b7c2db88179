"""One message through the target before the load: what stops a run, in one line, and what it leaves."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from commands import StartSmsbench
from naive_target import EXAMPLE, SCRIPT, free_port, naive_sender, target_file

from analysis.exit_codes import ExitCode
from analysis.records import LOAD_SCHEMA, PROVIDER_SCHEMA, read_manifest, read_result, read_rows
from loadtests.targets import Target, load_target

WITHIN_S = 10.0  # from the command to its last line, whatever the cause; with the default time limits


@contextmanager
def queueing_sender() -> Iterator[int]:
    """Answers 202 to everything and sends nothing. Gives its port."""

    class QueueingSenderHandler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), QueueingSenderHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def stopped(
    smsbench: StartSmsbench, file: Path, *options: str, command: Sequence[str] = ("run", "smoke")
) -> str:
    """The last line of a run that must not begin."""
    out = file.parent / "run"
    began_s = time.monotonic()
    process = smsbench(*command, "--target", str(file), "--out", str(out), *options)
    output, _ = process.communicate(timeout=90)
    took_s = time.monotonic() - began_s
    assert process.returncode == ExitCode.USAGE, output
    assert took_s < WITHIN_S, (took_s, output)
    assert not out.exists(), output
    # Its path was printed before the probe.
    assert output.count(f"the run directory {out} was removed") == output.count(f"run directory {out}\n")
    return output.strip().splitlines()[-1]


def test_a_target_that_is_not_running(smsbench: StartSmsbench, tmp_path: Path) -> None:
    port = free_port()
    line = stopped(smsbench, target_file(tmp_path, port, free_port()))
    assert f"nothing listens at 127.0.0.1:{port} (Connection refused); start the sender" in line


def test_a_wrong_token(smsbench: StartSmsbench, tmp_path: Path) -> None:
    port, provider_port = free_port(), free_port()
    with naive_sender(port, provider_port):
        line = stopped(smsbench, target_file(tmp_path, port, provider_port, token="another"))
    assert line.startswith("STOPPED after ")
    said = (
        "naive-sender refused the probe (HTTP 502), because the mock provider refused it: 101, "
        "Authorization failed (wrong token). Set the token of naive-sender to provider.token of "
    )
    assert said in line and line.endswith(".toml")


def test_a_search_with_a_wrong_token(smsbench: StartSmsbench, tmp_path: Path) -> None:
    port, provider_port = free_port(), free_port()
    with naive_sender(port, provider_port):
        file = target_file(tmp_path, port, provider_port, token="another")
        line = stopped(smsbench, file, command=["capacity"])
    assert "Authorization failed" in line


def test_a_wrong_port(smsbench: StartSmsbench, tmp_path: Path) -> None:
    port, provider_port = free_port(), free_port()
    with naive_sender(port, free_port()):
        line = stopped(smsbench, target_file(tmp_path, port, provider_port))
    assert line.endswith(
        "naive-sender refused the probe (HTTP 502), and the mock provider got no request. See the log of "
        f"naive-sender first. Check the provider URL of naive-sender: it should be http://127.0.0.1:{provider_port}"
    )


def test_a_sender_that_accepts_and_sends_nowhere(smsbench: StartSmsbench, tmp_path: Path) -> None:
    with queueing_sender() as port:
        provider_port = free_port()
        file = target_file(tmp_path, port, provider_port)
        file.write_text(file.read_text().replace("[200]", "[202]").replace('id_path = "id"', ""))
        line = stopped(smsbench, file)
    assert line.endswith(
        "naive-sender answered 202, and the mock provider got no request within 4 s. Check the provider URL "
        f"of naive-sender: it should be http://127.0.0.1:{provider_port} (for a sender that queues for "
        "longer: --probe-timeout S or --no-probe)"
    )


def test_an_api_that_wants_something_else(smsbench: StartSmsbench, tmp_path: Path) -> None:
    port, provider_port = free_port(), free_port()
    with naive_sender(port, provider_port):
        file = target_file(tmp_path, port, provider_port)
        file.write_text(file.read_text().replace("/send", "/other"))
        line = stopped(smsbench, file)
    assert line.endswith(
        "refused the probe (HTTP 404): check whether [request] of the target file is what it expects"
    )


def test_delivery_reports_that_go_nowhere(smsbench: StartSmsbench, tmp_path: Path) -> None:
    port, provider_port = free_port(), free_port()
    script = tmp_path / "wrong_reports.py"
    script.write_text(SCRIPT.read_text().replace('add_route("*", "/reports"', 'add_route("*", "/callback"'))
    with naive_sender(port, provider_port, script):
        line = stopped(smsbench, target_file(tmp_path, port, provider_port))
    assert line.endswith(
        f"the delivery report of the probe was not confirmed: http://127.0.0.1:{port} answered: HTTP 404. "
        "Check the report URL that naive-sender gives to the provider, and that it answers with success "
        "(to measure it without reports: --no-probe)"
    )


def test_the_example_runs_and_the_probe_leaves_no_trace(
    smsbench: StartSmsbench, short_scenario: str, tmp_path: Path
) -> None:
    port, provider_port, out = free_port(), free_port(), tmp_path / "run"
    with naive_sender(port, provider_port):
        file = target_file(tmp_path, port, provider_port)
        process = smsbench("run", short_scenario, "--no-charts", "--target", str(file), "--out", str(out))
        output, _ = process.communicate(timeout=110)
    assert process.returncode in (0, 1, 3, 4), output  # a busy machine may make it late or invalid
    assert read_manifest(out).exit_reason == "finished", output
    load = set(read_rows(out / "load.arrow", LOAD_SCHEMA)["key"].to_pylist())
    journal = read_rows(out / "provider.arrow", PROVIDER_SCHEMA)
    assert len(load) == 60 and set(journal["key"].to_pylist()) == load
    # The provider's own counts begin with the load.
    samples = out / "report" / "summary.json"
    accounting = json.loads(samples.read_bytes())["parts"][0]["accounting"]
    assert accounting["unknown_messages"] == 0 and accounting["found"] == accounting["accepted"] == 60
    assert read_result(out) is not None


def test_the_examples_target_file_is_that_of_the_docs() -> None:
    target = load_target(EXAMPLE)
    assert isinstance(target, Target)
    assert (target.name, target.provider.port, target.request.carries_key) == ("naive-sender", 9500, True)


pytestmark = pytest.mark.timeout(180)
