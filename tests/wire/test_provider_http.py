"""The provider's HTTP face on real sockets: bodies of every form, awkward clients, and broken input."""

from __future__ import annotations

import json
import random
import socket
from urllib.parse import urlencode

import pytest
from waiting import eventually
from wire_provider import StartProvider

from mock_provider.testing import ProviderThread

NUMBER = "48500100200"
SEND = {"to": NUMBER, "message": "Hi", "format": "json"}
FORM = "application/x-www-form-urlencoded"


def bearer(provider: ProviderThread) -> str:
    return f"Bearer {provider.token}"


def send(
    provider: ProviderThread, body: bytes, content_type: str = FORM, path: str = "/sms.do"
) -> tuple[int, bytes]:
    status, reply = provider.request(
        path, body, "POST", Authorization=bearer(provider), Content_Type=content_type
    )
    return status, reply


def raw(provider: ProviderThread, data: bytes) -> bytes:
    """What comes back on one connection until the provider closes it."""
    host, port = provider.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
        return received


def request_bytes(provider: ProviderThread, body: bytes, *headers: str, version: str = "1.1") -> bytes:
    lines = [
        f"POST /sms.do HTTP/{version}", "Host: x",
        f"Authorization: {bearer(provider)}", f"Content-Type: {FORM}", *headers,
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_form_json_query_string_and_multipart(provider: ProviderThread) -> None:
    multipart = b"".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in SEND.items()
    )
    replies = [
        send(provider, urlencode(SEND).encode()),
        send(provider, json.dumps(SEND).encode(), "application/json"),
        send(
            provider, json.dumps(SEND | {"to": ["48500100200"]}).encode(), "application/json", "/api/sms.do"
        ),
        send(provider, b'{"to": 48500100200, "message": "Hi"}', "application/json", "/sms.do?format=json"),
        send(provider, multipart + b"--b--\r\n", "multipart/form-data; boundary=b"),
        provider.request("/sms.do?" + urlencode(SEND), Authorization=bearer(provider)),
    ]
    for status, body in replies:
        assert status == 200
        assert json.loads(body)["list"][0]["number"] == "48500100200", body
    _, captured = provider.admin("/messages")
    assert [m["text"] for m in captured["messages"]] == ["Hi"] * len(replies)


def test_the_text_form(provider: ProviderThread) -> None:
    status, body = send(provider, b"to=500100200,500100201&message=Hi")
    first, second = body.decode().split(";")
    assert status == 200
    for part in (first, second):
        word, provider_id, points = part.split(":")
        assert (word, len(provider_id), points) == ("OK", 19, "0.165")
    assert send(provider, b"to=12&message=Hi") == (200, b"ERROR:13")


def test_ping_profile_and_what_is_not_there(provider: ProviderThread) -> None:
    assert provider.request("/ping", method="HEAD") == (204, b"")
    assert json.loads(provider.request("/ping")[1]) == {"authorized": False, "unavailable": []}
    assert json.loads(provider.request("/ping", Authorization=bearer(provider))[1])["authorized"] is True
    status, profile = provider.request("/profile", Authorization=bearer(provider))
    assert (status, json.loads(profile)["username"]) == (200, "smsbench")
    status, refused = provider.request("/profile")
    assert (status, json.loads(refused)["error"]) == (401, "authorization_failed")
    assert provider.request("/profile", b"", "POST")[0] == 405
    assert provider.request("/nothing")[0] == 404
    assert b"<title>SMS inbox" in provider.request("/")[1]


def test_the_status_of_messages(provider: ProviderThread) -> None:
    _, body = send(provider, urlencode(SEND).encode())
    provider_id = json.loads(body)["list"][0]["id"]

    def statuses() -> list[str]:
        _, answer = send(provider, urlencode({"status": f"{provider_id},17", "format": "json"}).encode())
        return [m["status"] for m in json.loads(answer)["list"]]

    assert statuses()[0] in ("SENT", "DELIVERED")
    eventually(lambda: statuses() == ["DELIVERED", "NOT_FOUND"])


def test_requests_on_one_connection_are_answered_in_their_order(start: StartProvider) -> None:
    provider = start(reply={"latency": {"kind": "uniform", "low_s": 0.0, "high_s": 0.02}})
    bodies = [urlencode(SEND | {"idx": f"i-{n}"}).encode() for n in range(40)]
    lengths = [f"Content-Length: {len(body)}" for body in bodies]
    requests = [
        request_bytes(provider, body, length) for body, length in zip(bodies[:-1], lengths[:-1], strict=True)
    ]
    requests.append(request_bytes(provider, bodies[-1], lengths[-1], "Connection: close"))
    received = raw(provider, b"".join(requests)).decode()
    assert [f'"idx":"i-{n}"' in part for n, part in enumerate(received.split("HTTP/1.1 200 OK")[1:])] == [
        True
    ] * 40


def test_awkward_but_lawful_requests(provider: ProviderThread) -> None:
    body = urlencode(SEND).encode()
    length = f"Content-Length: {len(body)}"
    chunked = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    close = "Connection: close"
    for sent in (
        request_bytes(provider, chunked, "Transfer-Encoding: chunked", close),
        request_bytes(provider, body, length, version="1.0"),
        # Java's client offers HTTP/2 in its first request and continues in HTTP/1.1.
        request_bytes(provider, body, length, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c")
        + request_bytes(provider, body, length, close),
    ):
        assert b'"QUEUE"' in raw(provider, sent)
    expecting = raw(provider, request_bytes(provider, body, length, "Expect: 100-continue", close))
    assert expecting.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    kept = raw(
        provider,
        request_bytes(provider, body, length, "Connection: keep-alive", version="1.0")
        + request_bytes(provider, body, length, version="1.0"),
    )
    assert kept.count(b'"QUEUE"') == 2
    assert kept.count(b"Connection: keep-alive") == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"400"),
        (b"POST /sms.do HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (b"POST /sms.do HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"POST /sms.do HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: %s\r\n" % (b"y" * 1000) * 100 + b"\r\n", b"431"),
    ],
)
def test_bytes_that_are_not_http_are_refused_and_the_provider_continues(
    provider: ProviderThread, sent: bytes, status: bytes
) -> None:
    assert raw(provider, sent).startswith(b"HTTP/1.1 " + status)
    assert send(provider, urlencode(SEND).encode())[0] == 200


def test_malformed_bodies_are_never_a_server_error(provider: ProviderThread) -> None:
    chance = random.Random(1)
    seeds = [
        urlencode(SEND | {"idx": "a|b", "date": "2027-01-01", "param1": "x|y"}).encode(),
        json.dumps(SEND | {"idx": ["a"], "date": 1}).encode(),
        b'--b\r\nContent-Disposition: form-data; name="to"\r\n\r\n500100200\r\n--b--\r\n',
    ]
    types = [
        FORM,
        "application/json",
        "multipart/form-data; boundary=b",
        "multipart/form-data",
        "text/plain",
        "\xff",
    ]
    for number in range(300):
        body = bytearray(chance.choice(seeds))
        for _ in range(chance.randrange(1, 6)):
            position = chance.randrange(len(body))
            body[position : position + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        status, reply = send(provider, bytes(body), types[number % len(types)], "/sms.do?format=json")
        assert status == 200, (status, reply, body)
    for name in (
        "to",
        "message",
        "idx",
        "date",
        "expiration_date",
        "max_parts",
        "notify_url",
        "from",
        "param1",
    ):
        for value in ("", "\x00", "9" * 400, "-1", "\ud800", "[%1%]", "NaN", "http://[", "2027-99-99T", "²"):
            body_text = json.dumps(SEND | {name: value}).encode()
            assert send(provider, body_text, "application/json")[0] == 200


def test_a_bad_request_does_not_show_in_the_log_with_its_token(
    provider: ProviderThread, caplog: pytest.LogCaptureFixture
) -> None:
    send(provider, b"\xff", path="/sms.do?format=json")
    provider.admin("/faults", {"kind": "hang"}, "POST")
    assert provider.token not in caplog.text
    assert provider.admin_token not in caplog.text


def test_a_fault_of_its_own_is_answered_with_500_and_costs_one_connection(
    provider: ProviderThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    body = urlencode(SEND).encode()
    sent = request_bytes(provider, body, f"Content-Length: {len(body)}")
    smsapi = "mock_provider.protocols.smsapi"
    for broken_part in (f"{smsapi}.Smsapi.read", f"{smsapi}.protocol.render_send"):
        with monkeypatch.context() as patched:
            patched.setattr(broken_part, broken)
            received = raw(provider, sent)
        assert received.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
        assert json.loads(received.partition(b"\r\n\r\n")[2])["error"] == "http_500"
    assert send(provider, body)[0] == 200


@pytest.mark.parametrize("origin", ["http://provider.localhost:80", "HTTPS://localhost", ""])
def test_a_target_may_name_its_host(provider: ProviderThread, origin: str) -> None:
    """RFC 9112 §3.2.2: a server must take the absolute form, although only proxies are sent it."""
    head = f"HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer(provider)}\r\nConnection: close\r\n\r\n"
    assert b'"authorized":true' in raw(provider, f"GET {origin}/ping {head}".encode())
    query = urlencode(SEND)
    assert b'"QUEUE"' in raw(provider, f"GET {origin}/sms.do?{query} {head}".encode())
    assert b"<title>SMS inbox" in raw(provider, f"GET {origin or '/'} {head}".encode())
