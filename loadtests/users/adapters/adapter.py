"""The interface between the load and a target's API."""

from __future__ import annotations

from typing import Literal, Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from loadtests.arrivals import PlannedMessage
from user_input.addresses import host_and_port


class Endpoint(Struct, frozen=True):
    """The address of a target."""

    host: str
    port: int
    tls: bool = False

    @property
    def authority(self) -> str:
        default = 443 if self.tls else 80
        return host_and_port(self.host, None if self.port == default else self.port)


class TargetRequest(Struct, frozen=True):
    """One HTTP request, for clients that build their own bytes."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Judgement(Struct, frozen=True):
    """The meaning of a reply. ``reason`` is one of a few fixed texts, so that statistics stay bounded."""

    outcome: Literal["accepted", "refused"]
    reason: str = ""


ACCEPTED = Judgement("accepted")


class Adapter(Protocol):
    """A target API: translates messages to requests, and replies to ``Judgement``."""

    endpoint: Endpoint
    name: str  # the request's name in Locust's statistics: method and path
    timeout_s: float

    def request(self, message: PlannedMessage) -> TargetRequest: ...

    def encode(self, message: PlannedMessage) -> bytes:
        """The whole request as bytes, as the open-model user sends it."""
        ...

    def judge(self, status: int, body: bytes) -> Judgement: ...


def endpoint_of(url: str) -> Endpoint:
    """Raises ``ValueError`` if the URL has no host."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an http:// or https:// URL: {url!r}")
    tls = parts.scheme == "https"
    return Endpoint(parts.hostname, parts.port or (443 if tls else 80), tls)


def head(endpoint: Endpoint, method: str, path: str, headers: dict[str, str]) -> bytes:
    """The request's head up to the name of its last header; the body's length and the body follow."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {endpoint.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Content-Length: "]).encode("latin-1")
