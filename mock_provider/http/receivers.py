"""Where delivery reports may be sent: to this machine, and to hosts that the profile names."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from msgspec import Struct

LONGEST_URL = 8_000
_UNQUOTED = "!#$%&'()*+,/:;=?@[]~"


class RequestedUrl(Struct, frozen=True, gc=False):
    """A receiver's URL, split for a request; ``address`` is the part that the receiver sees."""

    scheme: str  # in lower case
    credentials: str  # user:password, as the URL writes them; "": none
    host: str  # with the port, where the URL names one: the Host header
    target: str  # path and query, escaped

    @property
    def address(self) -> str:
        """The URL as the receiver sees it: no credentials, no fragment, everything escaped."""
        return f"{self.scheme}://{self.host}{self.target}"


def requested_url(url: str) -> RequestedUrl:
    """The parts of a request for a URL (RFC 9112 section 3.2): credentials are sent in a header, a fragment
    is not sent.
    """
    scheme, _, rest = url.partition("#")[0].partition("://")
    ends = min((i for i in (rest.find("/"), rest.find("?")) if i >= 0), default=len(rest))
    credentials, _, host = rest[:ends].rpartition("@")
    target = rest[ends:]
    if not target.isascii():
        target = quote(target, safe=_UNQUOTED)
    if not target.startswith("/"):
        target = "/" + target
    return RequestedUrl(scheme.lower(), credentials, host, target)


def report_url_allowed(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether reports may be sent there: http(s), a loopback host or one named in ``hosts``, and not longer
    than servers accept (RFC 9110 §4.1 recommends 8,000 octets).

    Loopback only by default, so that a test with real URLs does not call other hosts.
    """
    return len(url) <= LONGEST_URL and _is_allowed(url, hosts)


@lru_cache(maxsize=256)
def _is_allowed(url: str, hosts: tuple[str, ...]) -> bool:
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
