"""Checks that a mock provider that the user runs still listens. It is not a child process of the run."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from loadtests.runner.service_process import ServiceError
from loadtests.targets import Target, address_of

GONE_AFTER_S = 3.0
_CONNECT_S = 0.5


class OwnProvider:
    """Call ``check`` with each sample. The provider listened when the run began (``preflight``).

    Only a refused connection counts: the kernel accepts the connections of a process that is busy or
    stopped, and a fault of the profile closes connections, not the port.
    """

    def __init__(self, target: Target | None) -> None:
        self._url = target.provider.url if target is not None else None
        self._refused_since_s: float | None = None

    def check(self, now_s: float) -> None:
        """Raises ``ServiceError`` if nothing has listened for ``GONE_AFTER_S``."""
        if self._url is None:
            return
        if not self._refuses(self._url):
            self._refused_since_s = None
        elif self._refused_since_s is None:
            self._refused_since_s = now_s
        elif now_s - self._refused_since_s >= GONE_AFTER_S:
            raise self._gone(self._url)

    def require_listening(self) -> None:
        """The last check at the end of a run. Raises ``ServiceError``."""
        if self._url is not None and self._refuses(self._url):
            raise self._gone(self._url)

    @staticmethod
    def _refuses(url: str) -> bool:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((parts.hostname or "", port), timeout=_CONNECT_S).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        return False

    @staticmethod
    def _gone(url: str) -> ServiceError:
        return ServiceError("provider", f"no longer listens at {address_of(url)}")
