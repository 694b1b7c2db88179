"""Finds the processes of the user's sender on this machine, so that they are sampled."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from loadtests.targets import Target
from loadtests.targets.target_file import is_loopback

_MOST = 16  # most processes to sample: each takes time once a second


class NoProcess(ValueError):
    """The sender's process is unknown. The text has the reason and the remedy."""


def target_processes(target: Target) -> list[int]:
    """The process that the target file names, otherwise those that listen on the port of its URL,
    with their children (workers). Raises ``NoProcess``.
    """
    named = target.process
    roots = _listeners(target.request.url) if named is None else [_named(named)]
    found: dict[int, None] = {}
    for pid in roots:
        found[pid] = None
        try:
            found.update((child.pid, None) for child in psutil.Process(pid).children(recursive=True))
        except psutil.Error:
            continue
    return list(found)[:_MOST]


def _named(named: int | Path) -> int:
    if isinstance(named, int):
        pid = named
    else:
        try:
            pid = int(named.read_text(encoding="ascii").strip())
        except (OSError, ValueError) as error:
            raise NoProcess(f"process: {named} holds no process id") from error
    if not psutil.pid_exists(pid):
        raise NoProcess(f"process: there is no process {pid}")
    return pid


def _listeners(url: str) -> list[int]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if not is_loopback(url):
        raise NoProcess("it is not on this machine")
    try:
        # An address is an empty tuple where there is none.
        connections: list[Any] = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        raise NoProcess(
            "this system does not show which process listens; name it with process = PID"
        ) from None
    wanted = _addresses(parts.hostname or "")
    listening = [
        c for c in connections if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port
    ]
    # A process that listens on this address takes precedence over one that listens on all.
    exact = [c for c in listening if c.laddr.ip in wanted]
    pids = list(dict.fromkeys(_parent_process(c.pid, port) for c in exact or listening if c.pid is not None))
    if not pids:
        raise NoProcess(
            f"no process of this user listens on port {port} (processes of other users and in containers "
            "are not visible): name it with process = PID"
        )
    return pids


def _parent_process(pid: int, port: int) -> int:
    """Forked workers share their parent's socket, but the system shows only one owner."""
    try:
        parent = psutil.Process(pid).parent()
        while parent is not None and any(
            c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in parent.net_connections("tcp")
        ):
            pid, parent = parent.pid, parent.parent()
    except psutil.Error:  # a parent of another user does not belong to the sender
        pass
    return pid


def _addresses(host: str) -> set[str]:
    try:
        return {str(ipaddress.ip_address(host))}
    except ValueError:
        pass
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError:
        return set()
