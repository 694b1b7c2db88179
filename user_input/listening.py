"""Listening at an address that a user gave, and error messages for addresses that cannot be used."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from user_input.addresses import host_and_port

_IN_OTHER_WORDS = {
    errno.EADDRINUSE: "it is in use; stop the program that listens there, or give another port (0: any)",
    errno.EADDRNOTAVAIL: "no network interface of this machine has that address",
    errno.EACCES: "not permitted; ports below 1024 need a privilege",
}
_BY_THE_PORT = (errno.EADDRINUSE, errno.EACCES)


class ListenAddressError(OSError):
    """An address that cannot be used for listening; the text names the option and the address."""


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address, which does not listen yet. Raises ``ListenAddressError``."""
    with _explained(host, port, "--port"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, port))
        except BaseException:
            bound.close()
            raise
    return bound


async def listen(
    connection: Callable[[], asyncio.Protocol], host: str, port: int, port_option: str
) -> tuple[asyncio.Server, str]:
    """A server on the running event loop, at each address of ``host``, and its first address.

    ``port_option`` is the command line's name of ``port``; the host's is ``--host``. Raises
    ``ListenAddressError``.
    """
    with _explained(host, port, port_option):
        server = await asyncio.get_running_loop().create_server(connection, host, port, backlog=1024)
    bound_host, bound_port = server.sockets[0].getsockname()[:2]
    return server, host_and_port(bound_host, bound_port)


@contextmanager
def _explained(host: str, port: int, port_option: str) -> Iterator[None]:
    """Raises ``ListenAddressError`` in place of the system's errors."""
    if not host.strip():  # an empty host means every interface
        raise ListenAddressError(
            "--host: it is empty; give an address of this machine, for example 127.0.0.1"
        )
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: an invalid host name
        raise ListenAddressError(_complaint(error, host, port, port_option)) from error


def _complaint(error: Exception, host: str, port: int, port_option: str) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, socket.gaierror) or not isinstance(error, OSError):
        reason = "no such host is known"
    else:
        reason = _IN_OTHER_WORDS.get(number or 0) or error.strerror or str(error)
    option = port_option if number in _BY_THE_PORT else "--host"
    return f"{option}: cannot listen at {host_and_port(host, port)}: {reason}"
