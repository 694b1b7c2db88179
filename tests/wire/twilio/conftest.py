"""Clients of Twilio, and a receiver of their status callbacks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
from twilio.rest import Client
from twilio_client import POOL, SERVICE, CallbackReceiver, client_of
from wire_provider import StartProvider

from mock_provider.testing import ProviderThread


@pytest.fixture
def client(provider: ProviderThread) -> Client:
    return client_of(provider)


@pytest.fixture
def with_pool(start: StartProvider) -> Client:
    services = [{"sid": SERVICE, "senders": POOL}]
    return client_of(start(protocol={"twilio": {"messaging_services": services}}))


@pytest.fixture
def callbacks() -> Iterator[CallbackReceiver]:
    class CallbackHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status = receiving.answers.pop(0) if receiving.answers else 204
            receiving.calls.append((dict(parse_qsl(body)), self.headers["X-Twilio-Signature"]))
            receiving.requests.append((self.path, dict(self.headers)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), CallbackHandler)
    server.daemon_threads = True
    receiving = CallbackReceiver(f"http://127.0.0.1:{server.server_address[1]}/status?order=7")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield receiving
    server.shutdown()
    thread.join(10)
    server.server_close()
