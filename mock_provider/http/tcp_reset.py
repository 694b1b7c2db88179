"""Resetting a connection, as a fault does."""

from __future__ import annotations

import asyncio
import socket
import struct

_AT_ONCE = struct.pack("ii", 1, 0)


def reset(transport: asyncio.WriteTransport) -> None:
    """Close with a TCP reset (RST), as a crashed process or a load balancer does, not with a FIN.

    Bytes that were written and not yet sent are lost.
    """
    found = transport.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()
