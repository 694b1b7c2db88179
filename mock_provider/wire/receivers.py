"""Whom a provider may call with its delivery reports: nobody outside, unless the profile names the host."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit


@lru_cache(maxsize=256)
def report_url_allowed(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether reports may be sent there: http(s), and a host that is loopback or named in ``hosts``.

    Loopback only by default, so that a test that carries real URLs calls nobody.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host or not port_is_valid:
        return False
    if any(c <= " " or c == "\x7f" for c in url):
        return False
    return _is_loopback(host) or host in hosts or "*" in hosts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
