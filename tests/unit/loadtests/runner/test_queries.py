"""Questions of the runner to something that is no HTTP service, or breaks off."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loadtests.runner import queries

Answering = Callable[[bytes], str]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """A server that answers everything with these bytes and closes; its URL."""
    opened: list[socket.socket] = []

    def serve(listener: socket.socket, answer: bytes) -> None:
        try:
            while True:
                peer, _ = listener.accept()
                with peer:
                    peer.recv(1000)
                    peer.sendall(answer)
        except OSError:  # the end of the test
            return

    def start(answer: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        opened.append(listener)
        threading.Thread(target=serve, args=(listener, answer), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    for listener in opened:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_a_server_that_is_not_http_gives_no_answer(answering: Answering) -> None:
    url = answering(b"220 mail.example ESMTP\r\n")
    assert queries.why_no_answer(url, 0.0)
    assert not queries.healthy(url)
    assert queries.StateQuery(url, "t").ask(5.0) is None


def test_an_export_that_breaks_off_is_an_os_error(answering: Answering, tmp_path: Path) -> None:
    url = answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{}")
    with pytest.raises(OSError):
        queries.fetch_export(url, "t", tmp_path / "sender.arrow")
