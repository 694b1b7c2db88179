"""The Host header: its syntax, and the values that are allowed for the admin API and the page.

The name of a web page can be made to resolve to 127.0.0.1 (DNS rebinding). Its scripts then have the same
origin as this server, but their requests still have the page's name as Host, which is refused. IP addresses
are always allowed, since no page has one as its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

_NAME = r"[A-Za-z0-9._~!$&'()*+,;=%-]*"  # reg-name and IPv4address of RFC 3986 §3.2.2
_ORIGIN = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)
_is_valid = re.compile(rf"(?:\[[0-9A-Fa-f:.vV]+\]|{_NAME})(?::[0-9]*)?").fullmatch


def is_valid_host(value: str) -> bool:
    """Whether this can be the value of a Host header (RFC 9110 §7.2); an empty one can."""
    return _is_valid(value) is not None


def origin_form(target: bytes) -> tuple[bytes, str]:
    """Path and query of an absolute-form target, which a server must accept, and its host, which takes
    precedence over the Host header (RFC 9112 §3.2.2).
    """
    found = _ORIGIN.match(target)
    if found is None:
        return target, ""
    rest = target[found.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest, found[1].decode("latin-1")


class AllowedHosts:
    """``localhost``, every address, and ``names``; the port does not matter."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(_bare(name) for name in names)

    def allows(self, host: str) -> bool:
        """``host`` is a valid Host header, or "" for a request of HTTP/1.0 without one."""
        name = _bare(host)
        if name in ("", "localhost") or name.endswith(".localhost") or name in self._names:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True


def _bare(host: str) -> str:
    """The name or address without the port, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    name, _, port = host.rpartition(":")
    bare = name if name and port.isdigit() and ":" not in name else host.removesuffix(":")
    return bare.lower().removesuffix(".")
