"""Host and port as URLs write them."""

from __future__ import annotations


def host_and_port(host: str, port: int | None) -> str:
    """Puts an IPv6 host in brackets (RFC 3986 section 3.2.2). ``port`` None leaves the port out."""
    written = f"[{host}]" if ":" in host else host
    return written if port is None else f"{written}:{port}"
