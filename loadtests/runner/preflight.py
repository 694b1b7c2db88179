"""Checks before a run with a target file begins."""

from __future__ import annotations

import errno
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

from loadtests.addresses import host_and_port
from loadtests.runner.settings import PROBE_TIMEOUT_S
from loadtests.targets import Target

_CONNECT_S = 1.0
_RETRY_S = 0.1


class PreflightError(ValueError):
    """The run cannot begin. The text names the file's field, the address and the remedy."""


def require_testbed(target: Target, file: Path, within_s: float = PROBE_TIMEOUT_S) -> None:
    """Raises ``PreflightError`` if the provider's port is in use or the user's services do not listen."""
    if target.provider.url is None:
        _require_free(file, target.provider.port)
    else:
        _require_listening(file, "provider.url", target.provider.url, "the mock provider", within_s)
    if target.health_url is not None:
        _require_listening(file, "health_url", target.health_url, "the sender", within_s)
    _require_listening(file, "request.url", target.request.url, "the sender", within_s)


def _require_free(file: Path, port: int) -> None:
    """Another program may still take the port before the provider starts; the provider then reports it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
            raise PreflightError(
                f"{file}: provider.port: 127.0.0.1:{port} {reason}. The mock provider of the run must listen "
                "there. Stop the other program, or give another port"
            ) from error


def _require_listening(file: Path, field: str, url: str, what: str, within_s: float) -> None:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            socket.create_connection((host, port), timeout=_CONNECT_S).close()
            return
        except OSError as error:
            if time.monotonic() >= deadline_s or isinstance(error, socket.gaierror):
                reason = error.strerror or "no answer in time"
                raise PreflightError(
                    f"{file}: {field}: nothing listens at {host_and_port(host, port)} ({reason}); "
                    f"start {what} before the run, or correct the address"
                ) from error
            time.sleep(_RETRY_S)
