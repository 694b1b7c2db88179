"""What is asked before a run with a target file begins."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from loadtests.runner import preflight
from loadtests.runner.preflight import PreflightError, require_testbed
from loadtests.targets import Target

FILE = Path("mine.toml")


def target(sender: str, **provider: object) -> Target:
    request = {"url": sender, "body": "{to}{text}"}
    return Target.model_validate({"name": "mine", "request": request, "provider": provider})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_sender_that_listens_and_a_free_port_will_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sender:
        url = f"http://127.0.0.1:{sender.getsockname()[1]}/send"
        require_testbed(target(url, port=free_port()), FILE, 0.0)


def test_a_provider_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PreflightError) as refused:
            require_testbed(target(f"http://127.0.0.1:{free_port()}/", port=port), FILE, 0.0)
    assert str(refused.value).startswith(f"mine.toml: provider.port: 127.0.0.1:{port} is in use. ")


@pytest.mark.parametrize(
    ("field", "host"), [("request.url", "127.0.0.1"), ("request.url", "[::1]"), ("provider.url", "127.0.0.1")]
)
def test_an_address_on_which_nothing_listens_is_named(field: str, host: str) -> None:
    url = f"http://{host}:{free_port()}"
    with socket.create_server(("127.0.0.1", 0)) as sender:
        listens = f"http://127.0.0.1:{sender.getsockname()[1]}"
        wanted = target(url, port=free_port()) if field == "request.url" else target(listens, url=url)
        with pytest.raises(PreflightError) as refused:
            require_testbed(wanted, FILE, 0.0)
    assert str(refused.value).startswith(
        f"mine.toml: {field}: nothing listens at {url.removeprefix('http://')} ("
    )


@pytest.mark.parametrize("field", ["request.url", "health_url", "provider.url"])
def test_a_service_without_tls_at_an_https_address_is_named(field: str) -> None:
    """The run waited 15 s for an answer, ended with exit 3, and advised to start the sender."""
    with answering(200) as url:
        secure = url.replace("http://", "https://")
        given: dict[str, object] = {"port": free_port()} if field != "provider.url" else {"url": secure}
        wanted = target(secure if field == "request.url" else url, **given)
        if field == "health_url":
            wanted = wanted.model_copy(update={"health_url": secure})
        with pytest.raises(PreflightError) as refused:
            require_testbed(wanted, FILE, 0.0)
    place = url.removeprefix("http://")
    said = str(refused.value)
    what = "the mock provider" if field == "provider.url" else "the sender"
    assert said.startswith(f"mine.toml: {field}: {what} at {place} does not speak TLS (")
    assert said.endswith("; give an address with http://")


def test_a_service_that_is_silent_during_the_handshake_is_left_to_the_probe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preflight, "HANDSHAKE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as sender:
        url = f"https://127.0.0.1:{sender.getsockname()[1]}/send"
        require_testbed(target(url, port=free_port()), FILE, 0.0)


@pytest.mark.parametrize(("field", "host"), [("request.url", "127.0.0.1"), ("health_url", "localhost")])
def test_a_sender_at_the_port_of_the_mock_provider_is_named(field: str, host: str) -> None:
    """Nothing listens there before the run, and the sender never will."""
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as sender:
        own = f"http://{host}:{port}/x"
        wanted = target(f"http://127.0.0.1:{sender.getsockname()[1]}/send", port=port)
        if field == "request.url":
            wanted = target(own, port=port)
        else:
            wanted = wanted.model_copy(update={"health_url": own})
        with pytest.raises(PreflightError) as refused:
            require_testbed(wanted, FILE, 0.0)
    assert str(refused.value) == (
        f"mine.toml: {field}: port {port} is that of [provider], where the mock provider of the run listens. "
        "Give the address of the sender, or another port for [provider]"
    )


def test_a_sender_that_is_started_a_little_later_is_waited_for() -> None:
    port = free_port()
    late: list[socket.socket] = []
    timer = threading.Timer(0.3, lambda: late.append(socket.create_server(("127.0.0.1", port))))
    timer.start()
    require_testbed(target(f"http://127.0.0.1:{port}/", port=free_port()), FILE, 10.0)
    timer.join()
    late[0].close()


@contextmanager
def answering(status: int) -> Iterator[str]:
    """A server that answers every request with this status; gives its address."""

    class FixedStatusHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), FixedStatusHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, "mine.toml: provider.admin_token: the mock provider at http://127.0.0.1:"),
        (404, "mine.toml: provider.url: http://127.0.0.1:"),
    ],
)
def test_a_provider_that_refuses_the_admin_token_is_named(status: int, expected: str) -> None:
    with answering(status) as url:
        with pytest.raises(PreflightError) as refused:
            require_testbed(target(url, url=url, admin_token="wrong"), FILE, 0.0)
        require_testbed(target(url, url=url), FILE, 0.0)  # without a token it is not asked
    assert str(refused.value).startswith(expected)
    assert f"HTTP {status}" in str(refused.value)
    with answering(200) as url:
        require_testbed(target(url, url=url, admin_token="right"), FILE, 0.0)


def test_a_journal_that_cannot_be_read_is_named_with_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with answering(200) as url:
        with pytest.raises(PreflightError) as refused:
            require_testbed(target(url, url=url, journal="provider.arrow"), FILE, 0.0)
        (tmp_path / "provider.arrow").touch()
        require_testbed(target(url, url=url, journal="provider.arrow"), FILE, 0.0)
    assert f"provider.journal: {tmp_path}/provider.arrow cannot be read: No such file" in str(refused.value)
