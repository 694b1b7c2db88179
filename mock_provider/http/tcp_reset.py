"""How a connection is cut by a fault."""

from __future__ import annotations

import asyncio
import socket
import struct

_AT_ONCE = struct.pack("ii", 1, 0)


def reset(transport: asyncio.WriteTransport) -> None:
    """Close with a TCP reset (RST), as a process that dies or a balancer that gives up leaves its peer.

    Closing alone would be an orderly end (FIN). What was written and not sent is lost.
    """
    found = transport.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()
