"""Listening at an address, and error messages for addresses that cannot be used."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

_IN_OTHER_WORDS = {
    errno.EADDRINUSE: "it is in use; stop the program that listens there, or give another port (0: any)",
    errno.EADDRNOTAVAIL: "no network interface of this machine has that address",
    errno.EACCES: "not permitted; ports below 1024 need a privilege",
}
_BY_THE_PORT = (errno.EADDRINUSE, errno.EACCES)


class ListenAddressError(OSError):
    """An address that cannot be used for listening; the text names the option and the address."""


def host_and_port(host: str, port: int) -> str:
    """An address as URLs write it: an IPv6 host is in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def listen(
    connection: Callable[[], asyncio.Protocol], host: str, port: int, port_option: str
) -> tuple[asyncio.Server, str]:
    """A server on the running event loop, and its address. Raises ``ListenAddressError``.

    ``port_option`` is the command line's name of ``port``; the host's is ``--host``.
    """
    if not host.strip():  # asyncio would listen on every interface
        raise ListenAddressError(
            "--host: it is empty; give an address of this machine, for example 127.0.0.1"
        )
    try:
        server = await asyncio.get_running_loop().create_server(connection, host, port, backlog=1024)
    except (OSError, ValueError) as error:  # ValueError: an invalid host name
        raise ListenAddressError(_complaint(error, host, port, port_option)) from error
    bound_host, bound_port = server.sockets[0].getsockname()[:2]
    return server, host_and_port(bound_host, bound_port)


def _complaint(error: Exception, host: str, port: int, port_option: str) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, socket.gaierror) or not isinstance(error, OSError):
        reason = "no such host is known"
    else:
        reason = _IN_OTHER_WORDS.get(number or 0) or error.strerror or str(error)
    option = port_option if number in _BY_THE_PORT else "--host"
    return f"{option}: cannot listen at {host_and_port(host, port)}: {reason}"
