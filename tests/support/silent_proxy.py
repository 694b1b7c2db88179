"""A TCP proxy before a PostgreSQL server. Its connections can become silent, as after an address has moved to
another server or a firewall has forgotten them: no error, no answer. New connections work.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_AT_ONCE = 65_536


class SilentProxy:
    """Listens on 127.0.0.1 and forwards to the Unix socket at ``path``."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._silenced: set[socket.socket] = set()
        self._open: set[socket.socket] = set()
        self.accepted = 0
        self.swallowed = 0  # pieces of data that silent connections did not carry
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self) -> str:
        """Where clients connect."""
        return f"postgresql://smsbench@127.0.0.1:{self._listener.getsockname()[1]}/postgres"

    def silence(self) -> None:
        """From now on the connections that are open carry nothing, and stay open at both ends."""
        self._silenced |= self._open

    def close(self) -> None:
        """Accept nothing more, and close every connection."""
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                self.accepted += 1
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._path)
                self._open |= {client, server}
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._forward, args=pair, daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):  # closed
            while data := source.recv(_AT_ONCE):
                if source in self._silenced:
                    self.swallowed += 1
                else:
                    target.sendall(data)
            if source not in self._silenced:
                target.shutdown(socket.SHUT_WR)


@contextmanager
def silent_proxy(path: str) -> Iterator[SilentProxy]:
    """A proxy that is closed at the end."""
    proxy = SilentProxy(path)
    try:
        yield proxy
    finally:
        proxy.close()
