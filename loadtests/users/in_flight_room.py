"""How many requests a worker can hold at the same time. Each needs an open file and a local port."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from loadtests.users.start_signal import WorkerStart

_OTHER_FILES = 128  # open files of a worker besides its connections
# A connection that the load closed keeps its port for a while: on loopback for 1 s, else for 60 s.
_CLOSED_PORTS = 4_000
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_DYNAMIC_PORTS = 16_384  # 49152 to 65535 (RFC 6335), for a system without that file


class ConnectionRoom(Struct, frozen=True):
    """``files``: connections that this process may open. ``ports``: connections of this machine to one
    target.
    """

    files: int
    ports: int


def machine_room(wanted: int) -> ConnectionRoom:
    """Raises the process's soft limit of open files as far as ``wanted`` connections need it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(OSError, ValueError):  # a system may allow less than its hard limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
    files = wanted if soft == resource.RLIM_INFINITY else max(1, soft - _OTHER_FILES)
    return ConnectionRoom(files, max(1, _local_ports() - _CLOSED_PORTS))


def worker_share(limit: int, start: WorkerStart) -> int:
    """This worker's share of the limit. The remainder goes to the first workers; each gets at least one."""
    share, rest = divmod(limit, start.workers)
    return max(1, share + (start.worker < rest))


def worker_limit(share: int, start: WorkerStart, room: ConnectionRoom) -> int:
    """``share``, or less if there is no room. All workers may be on this machine, and share its ports."""
    return max(1, min(share, room.files, room.ports // start.workers))


def _local_ports() -> int:
    try:
        first, last = map(int, PORT_RANGE.read_text().split())
    except (OSError, ValueError):
        return _DYNAMIC_PORTS
    return last - first + 1
