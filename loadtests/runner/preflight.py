"""Checks before a run with a target file begins."""

from __future__ import annotations

import errno
import socket
import ssl
import time
import urllib.error
from pathlib import Path
from urllib.parse import urlsplit

from loadtests.runner import queries
from loadtests.runner.settings import PROBE_TIMEOUT_S
from loadtests.targets import Target, address_of
from loadtests.targets.target_file import Provider, is_loopback
from user_input.addresses import host_and_port

_CONNECT_S = 1.0
_RETRY_S = 0.1
HANDSHAKE_S = 3.0


class PreflightError(ValueError):
    """The run cannot begin. The text names the file's field, the address and the remedy."""


def require_testbed(target: Target, file: Path, within_s: float = PROBE_TIMEOUT_S) -> None:
    """Raises ``PreflightError`` if the provider's port is in use or the user's services do not listen."""
    if target.provider.url is None:
        _require_free(file, target.provider.port)
        _require_other_port(file, target)
    else:
        _require_listening(file, "provider.url", target.provider.url, "the mock provider", within_s)
        _require_admin(file, target.provider)
        _require_journal(file, target.provider)
    if target.health_url is not None:
        _require_listening(file, "health_url", target.health_url, "the sender", within_s)
    _require_listening(file, "request.url", target.request.url, "the sender", within_s)


def _require_other_port(file: Path, target: Target) -> None:
    """The sender cannot listen where the mock provider of the run will."""
    for field, url in (("request.url", target.request.url), ("health_url", target.health_url)):
        if url is None:
            continue
        host, port = _host_and_port(url)
        if is_loopback(url) and ":" not in host and port == target.provider.port:  # it listens at 127.0.0.1
            raise PreflightError(
                f"{file}: {field}: port {port} is that of [provider], where the mock provider of "
                "the run listens. Give the address of the sender, or another port for [provider]"
            )


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


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


def _require_admin(file: Path, provider: Provider) -> None:
    """A provider that gives no answer in time is busy: the probe asks again."""
    if provider.url is None or provider.admin_token is None:
        return
    try:
        queries.call_json(
            "GET", provider.url.rstrip("/") + queries.PROVIDER_STATE, provider.admin_token, None, _CONNECT_S
        )
    except urllib.error.HTTPError as error:
        error.close()
        address = address_of(provider.url)
        if error.code in (401, 403):
            raise PreflightError(
                f"{file}: provider.admin_token: the mock provider at {address} refuses it (HTTP "
                f"{error.code}). Give the admin token of that provider; it prints one at its start if none "
                "is set"
            ) from None
        raise PreflightError(
            f"{file}: provider.url: {address} answers {queries.PROVIDER_STATE} with HTTP {error.code}: no "
            "mock provider of smsbench listens there. Correct the address, or leave admin_token out"
        ) from None
    except OSError:
        return


def _require_journal(file: Path, provider: Provider) -> None:
    if provider.journal is None:
        return
    journal = provider.journal.absolute()
    try:
        with journal.open("rb"):
            return
    except OSError as error:
        raise PreflightError(
            f"{file}: provider.journal: {journal} cannot be read: {error.strerror}. Give the file that the "
            "mock provider writes (smsbench provider --journal FILE); a relative path begins at the "
            "directory of the target file"
        ) from None


def _require_listening(file: Path, field: str, url: str, what: str, within_s: float) -> None:
    host, port = _host_and_port(url)
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            socket.create_connection((host, port), timeout=_CONNECT_S).close()
            break
        except OSError as error:
            if time.monotonic() >= deadline_s or isinstance(error, socket.gaierror):
                reason = error.strerror or "no answer in time"
                raise PreflightError(
                    f"{file}: {field}: nothing listens at {host_and_port(host, port)} ({reason}); "
                    f"start {what} before the run, or correct the address"
                ) from error
            time.sleep(_RETRY_S)
    if urlsplit(url).scheme == "https":
        _require_tls(file, field, (host, port), what)


def _require_tls(file: Path, field: str, address: tuple[str, int], what: str) -> None:
    """A service that is too busy to answer in time is not refused: the probe asks it again."""
    where = f"{file}: {field}: {what} at {host_and_port(*address)}"
    try:
        with socket.create_connection(address, timeout=HANDSHAKE_S) as plain:
            ssl.create_default_context().wrap_socket(plain, server_hostname=address[0]).close()
    except TimeoutError:
        return
    except ssl.SSLCertVerificationError as error:
        raise PreflightError(
            f"{where} has a certificate that is not accepted ({error.verify_message}); correct the address, "
            "or name its issuer's certificate in SSL_CERT_FILE"
        ) from None
    except OSError as error:
        reason = (error.reason if isinstance(error, ssl.SSLError) else error.strerror) or "no handshake"
        if "ALERT" in reason.upper() or "PROTOCOL" in reason.upper():
            raise PreflightError(f"{where} refuses the TLS handshake ({reason})") from None
        raise PreflightError(f"{where} does not speak TLS ({reason}); give an address with http://") from None
