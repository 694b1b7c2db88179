"""Bad input against every HTTP protocol of a running provider: inputs tried, failures found.

    python benchmarks/fuzz_http.py [--inputs 50000] [--seed N]

Three sources, in equal shares: schemathesis makes requests from each protocol's OpenAPI document, valid and
invalid ones; hypothesis makes forms and JSON bodies for every path of a protocol; and raw bytes: requests
that are cut, spliced, or have false lengths. A failure is a 5xx (the profile simulates none), an answer that
the OpenAPI document does not describe, an error or a traceback in the provider's log, another client's
request that is refused or takes longer than a second, or memory that grows without end.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psutil
import requests
import schemathesis
from http_inputs import ACCOUNT, ADMIN, BASIC, TOKEN, corrupted_requests_to, requests_to
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.core.result import Ok

ROOT = Path(__file__).parent.parent
DOCUMENTS = {"/openapi.json": "generic", "/openapi/smsapi.json": "smsapi", "/openapi/twilio.json": "twilio"}
CONFORMANCE = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
GROWTH_MIB = 256  # above the memory of a full inbox and message store


class FuzzFailures:
    """What went wrong, and how often."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def add(self, what: str) -> None:
        self.seen[what[:400]] += 1


@contextmanager
def provider(log: Path) -> Iterator[tuple[str, psutil.Process]]:
    command = [
        sys.executable,
        "-m",
        "mock_provider",
        "--profile",
        "fast",
        "--token",
        TOKEN,
        "--admin-token",
        ADMIN,
    ]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, cwd=ROOT)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"], psutil.Process(process.pid)
    finally:
        process.terminate()
        if process.wait(20) != 0:
            raise SystemExit(f"the provider ended with {process.returncode}; its log: {log}")


class Bystander(threading.Thread):
    """Sends a good message twice per second on one connection of its own: others' bad input must not show."""

    def __init__(self, url: str, failures: FuzzFailures) -> None:
        super().__init__(daemon=True)
        self._address = urlsplit(url).netloc
        self._failures = failures
        self._stop_now = threading.Event()
        self.sent = 0
        self.worst_s = 0.0

    def run(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=10)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-www-form-urlencoded"}
        while not self._stop_now.wait(0.5):
            number = f"48500{self.sent:06d}"
            began = time.monotonic()
            try:
                connection.request(
                    "POST", "/sms.do", urlencode({"to": number, "message": "x", "format": "json"}), headers
                )
                reply = connection.getresponse()
                body = json.loads(reply.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._failures.add(f"bystander: {error!r}")
                connection.close()
                continue
            took_s = time.monotonic() - began
            self.sent += 1
            self.worst_s = max(self.worst_s, took_s)
            if reply.status != 200 or body.get("count") != 1 or took_s > 1:
                self._failures.add(f"bystander: {reply.status} {body} after {took_s:.2f} s")

    def stop(self) -> None:
        self._stop_now.set()
        self.join(15)


def rounds(count: int, number: int, test: Callable[[Any], None], strategy: st.SearchStrategy[Any]) -> None:
    """Call ``test`` with ``count`` inputs, made by hypothesis from a fixed seed, none of them shrunk."""

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(value: Any) -> None:
        test(value)

    run()


def _short(complaint: str) -> str:
    """Schemathesis's complaint without how to make it again, in one line."""
    return " ".join(complaint.partition("Reproduce with")[0].split())


def from_documents(url: str, inputs: int, number: int, failures: FuzzFailures) -> int:
    """Requests that schemathesis makes from the OpenAPI documents."""
    operations = [
        (name, result.ok())
        for path, name in DOCUMENTS.items()
        for result in schemathesis.openapi.from_url(url + path).get_all_operations()
        if isinstance(result, Ok)
    ]
    each = -(-inputs // (2 * len(operations)))
    checks: list[Any] = CHECKS.get_by_names(list(CONFORMANCE))
    session = requests.Session()
    done = 0
    for name, operation in operations:
        headers = {"Authorization": BASIC if name == "twilio" else f"Bearer {TOKEN}"}

        def test(case: schemathesis.Case[Any], name: str = name, headers: dict[str, str] = headers) -> None:
            nonlocal done
            done += 1
            try:
                response = case.call(session=session, headers=headers, timeout=10)
                case.validate_response(response, checks=checks)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # schemathesis raises groups that are not an Exception
                failures.add(f"{name} {case.method} {case.path}: {_short(str(error))}")

        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                rounds(each, number, test, strategy)
            except (schemathesis.errors.SchemathesisError, Unsatisfiable):
                continue  # an operation without parameters has no invalid requests
    return done


def paths_of(url: str) -> list[str]:
    found = [
        path for document in DOCUMENTS for path in requests.get(url + document, timeout=10).json()["paths"]
    ]
    return sorted(
        {re.sub(r"\{[^}]+\}", ACCOUNT, path) for path in found}
        | {"/admin/faults", "/admin/profile", "/admin/messages"}
    )


class Raw:
    """One connection, opened again when the provider has closed it."""

    def __init__(self, url: str, failures: FuzzFailures) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 0)
        self._failures = failures
        self._socket: socket.socket | None = None
        self.done = 0

    def whole(self, request: bytes) -> None:
        """A whole request: it gets an answer, and none of 500 and above."""
        self.done += 1
        answer = self._exchange(request, wait_s=10)
        status = answer[9:12]
        if not status.isdigit():
            self._failures.add(f"no answer to {request[:200]!r}")
        elif status >= b"500" and status != b"501":
            self._failures.add(f"{answer[:60]!r} to {request[:300]!r}")

    def broken(self, request: bytes) -> None:
        """Bytes that may be no request: an answer, or none, but no 5xx."""
        self.done += 1
        answer = self._exchange(request, wait_s=0.002)
        self._close()
        for status in re.findall(rb"HTTP/1\.[01] (5\d\d) ", answer):
            self._failures.add(f"{status!r} to {request[:300]!r}")

    def _exchange(self, request: bytes, wait_s: float) -> bytes:
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, timeout=10)
            self._socket.settimeout(wait_s)
            self._socket.sendall(request)
            answer = b""
            while not _complete(answer, request.startswith(b"HEAD ")):
                data = self._socket.recv(65536)
                if not data:
                    self._close()
                    break
                answer += data
            if b"onnection: close" in answer:
                self._close()
            return answer
        except TimeoutError:
            self._close()
            return b""
        except OSError:
            self._close()
            return b""

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _complete(answer: bytes, head_only: bool) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"[Cc]ontent-[Ll]ength: (\d+)", head)
    return head_only or length is None or len(body) >= int(length.group(1))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    failures = FuzzFailures()
    third = -(-asked.inputs // 3)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "provider.log"
        with provider(log) as (url, process):
            bystander = Bystander(url, failures)
            bystander.start()
            before_mib = process.memory_info().rss / 2**20
            began = time.monotonic()
            paths = paths_of(url)
            made = {"documents": from_documents(url, third, asked.seed, failures)}
            whole, broken = Raw(url, failures), Raw(url, failures)
            rounds(third, asked.seed, whole.whole, requests_to(paths))
            rounds(third, asked.seed, broken.broken, corrupted_requests_to(paths))
            bystander.stop()
            made |= {"whole requests": whole.done, "corrupted bytes": broken.done}
            after_mib = process.memory_info().rss / 2**20
        for line in log.read_text(errors="replace").splitlines():
            if " ERROR " in line or line.startswith("Traceback"):
                failures.add(f"log: {line}")
    if after_mib - before_mib > GROWTH_MIB:
        failures.add(f"memory grew from {before_mib:.0f} to {after_mib:.0f} MiB")
    took_s = time.monotonic() - began
    print(
        f"inputs {sum(made.values()):,} ({', '.join(f'{v:,} {k}' for k, v in made.items())}) "
        f"in {took_s:.0f} s, seed {asked.seed}"
    )
    print(f"bystander {bystander.sent} messages, slowest {bystander.worst_s * 1000:.0f} ms")
    print(f"memory {before_mib:.0f} -> {after_mib:.0f} MiB")
    print(f"failures {sum(failures.seen.values())}")
    for what, count in failures.seen.most_common(20):
        print(f"  {count} x {what}")
    raise SystemExit(bool(failures.seen))


if __name__ == "__main__":
    main()
