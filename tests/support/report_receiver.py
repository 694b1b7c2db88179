"""A receiver of delivery reports over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DEADLINE_S = 10.0


class ReportReceiver:
    """Takes delivery reports. ``answers`` are given in turn, then ``OK``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.paths: list[str] = []
        self.posts: list[tuple[dict[str, str], bytes]] = []  # headers, names in lower case, and body
        self.answers: list[tuple[int, bytes]] = []

    def next_answer(self, path: str) -> tuple[int, bytes]:
        answer = self.answers.pop(0) if self.answers else (200, b"OK")
        self.paths.append(path)
        return answer


@contextmanager
def receiving() -> Iterator[ReportReceiver]:
    class ReportHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = receiver.next_answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.do_GET()

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), ReportHandler)
    server.daemon_threads = True
    receiver = ReportReceiver(f"http://127.0.0.1:{server.server_address[1]}/dlr")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join(DEADLINE_S)
        server.server_close()
