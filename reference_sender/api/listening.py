"""The address the sender listens at, and error messages for addresses that cannot be used."""

from __future__ import annotations

import errno
import socket

from user_input.addresses import host_and_port

_IN_OTHER_WORDS = {
    errno.EADDRINUSE: "it is in use; stop the program that listens there, or give another port (0: any)",
    errno.EADDRNOTAVAIL: "no network interface of this machine has that address",
    errno.EACCES: "not permitted; ports below 1024 need a privilege",
}
_BY_THE_PORT = (errno.EADDRINUSE, errno.EACCES)


class ListenError(OSError):
    """An address that cannot be used for listening; the text names the option and the address."""


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address, which does not listen yet. Raises ``ListenError``."""
    if not host.strip():  # an empty host means every interface
        raise ListenError("--host: it is empty; give an address of this machine, for example 127.0.0.1")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, ValueError) as error:  # ValueError: an invalid host name
        listener.close()
        raise ListenError(_complaint(error, host, port)) from error
    return listener


def _complaint(error: Exception, host: str, port: int) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, socket.gaierror) or not isinstance(error, OSError):
        reason = "no such host is known"
    else:
        reason = _IN_OTHER_WORDS.get(number or 0) or error.strerror or str(error)
    option = "--port" if number in _BY_THE_PORT else "--host"
    return f"{option}: cannot listen at {host_and_port(host, port)}: {reason}"
