"""Host headers over a real socket: HTTP/1.1 needs one, and the admin API and the page are not for all."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from mock_provider.testing import ProviderThread


def ask(provider: ProviderThread, request: str) -> tuple[int, bytes]:
    parts = urlsplit(provider.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode())
        reply = connection.makefile("rb").read()
    return int(reply.split(b" ")[1]), reply


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /smsping HTTP/1.1\n", 400),
        ("GET /smsping HTTP/1.1\nHost: a\nHost: a\n", 400),
        ("GET /smsping HTTP/1.0\nHost: a\nHost: b\n", 400),
        ("GET /smsping HTTP/1.1\nHost: a b\n", 400),
        ("GET /smsping HTTP/1.1\nHost: a/b\n", 400),
        ("GET http://a/ HTTP/1.1\n", 400),
        ("GET / HTTP/1.1\nHost: localhost\n", 200),
        ("GET / HTTP/1.1\nHost:\n", 200),
        ("GET / HTTP/1.0\n", 200),
        ("GET http://localhost/ HTTP/1.1\nHost: localhost\n", 200),
        ("GET /docs HTTP/1.1\nHost: localhost\n", 404),
    ],
)
def test_one_valid_host(provider: ProviderThread, head: str, status: int) -> None:
    assert ask(provider, head + "Connection: close\n\n")[0] == status


def test_a_request_without_a_host_is_not_acted_on(provider: ProviderThread) -> None:
    body = "to=48500100200&message=Hi&format=json"
    head = (
        f"POST /sms.do HTTP/1.1\nAuthorization: Bearer {provider.token}\n"
        f"Content-Type: application/x-www-form-urlencoded\nContent-Length: {len(body)}\nConnection: close\n\n"
    )
    assert ask(provider, head + body)[0] == 400
    assert provider.state()["accepted"] == 0
    assert ask(provider, head.replace("\n", "\nHost: any\n", 1) + body)[0] == 200


@pytest.mark.parametrize("path", ["/", "/admin/state", "/admin/faults", "/admin/nothing"])
@pytest.mark.parametrize("target", ["{path}", "http://evil.example:8080{path}"])
def test_a_foreign_host_name_gets_neither_page_nor_admin_api(
    provider: ProviderThread, path: str, target: str
) -> None:
    host = "evil.example:8080" if target == "{path}" else "localhost"
    request = (
        f"GET {target.format(path=path)} HTTP/1.1\nHost: {host}\n"
        f"Authorization: Bearer {provider.admin_token}\nConnection: close\n\n"
    )
    status, reply = ask(provider, request)
    assert status == 403
    assert reply.endswith(
        b'{"errors":["the host name evil.example:8080 is not allowed: '
        b'start the provider with --allow-host evil.example"]}'
    )


def test_a_cached_request_head_keeps_its_host(provider: ProviderThread) -> None:
    body = '{"kind":"outage"}'
    request = (
        f"POST /admin/faults HTTP/1.1\nHost: evil.example\nAuthorization: Bearer {provider.admin_token}\n"
        f"Content-Type: application/json\nContent-Length: {len(body)}\n\n{body}"
    ).replace("\n", "\r\n")
    parts = urlsplit(provider.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        for _ in range(3):
            connection.sendall(request.encode())
            assert connection.recv(65_536).startswith(b"HTTP/1.1 403")
    assert provider.admin("/faults")[1]["faults"] == []


def test_no_answer_allows_other_origins(provider: ProviderThread) -> None:
    for method, path in (("OPTIONS", "/sms.do"), ("GET", "/openapi.json"), ("OPTIONS", "/admin/state")):
        request = (
            f"{method} {path} HTTP/1.1\nHost: localhost\nOrigin: http://evil.example\n"
            "Access-Control-Request-Method: POST\nConnection: close\n\n"
        )
        status, reply = ask(provider, request)
        assert b"access-control-" not in reply.lower()
        assert method == "GET" or status >= 400
