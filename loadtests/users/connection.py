"""One keep-alive HTTP connection of the open-model user, without a greenlet: sends bytes, gives parsed
replies.

Its watcher stays armed for as long as the connection is open, which saves arming one for each reply. Replies
go through geventhttpclient's C parser (llhttp).

Targets close connections that were idle for some time (Node and uvicorn after 5 s). The watcher notices
that only in the event loop's next turn, so ``is_open`` checks the socket before a connection is used again,
and ``outlived`` applies the time that the target announced. A request may still be sent while the target
closes; ``met_close`` distinguishes that from a target that fails while it handles a request.
"""

from __future__ import annotations

import errno
import re
import ssl
from collections.abc import Callable
from typing import Any

import gevent
from gevent import socket as gevent_socket
from geventhttpclient._parser import HTTPParseError, HTTPResponseParser

from loadtests.users.adapters import Endpoint

_READ = 1  # libev's EV_READ
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_CHUNK = 65_536
CLOSED, RESET = "closed by the target", "connection reset"
_TIMEOUT = re.compile(r"(?:^|[\s,])timeout\s*=\s*([0-9]{1,6})(?![0-9])", re.IGNORECASE)


class ReplyParser(HTTPResponseParser):
    """Reads only the parts that the load needs: status, body, end of the reply, and ``Keep-Alive``."""

    __slots__ = ("_names_keep_alive", "body", "done", "keep_alive_s")

    def __init__(self) -> None:
        super().__init__()
        self.done = False
        self.body = b""
        self.keep_alive_s: int | None = None  # how long the target keeps an idle connection, as it announced
        self._names_keep_alive = False

    def _on_message_begin(self) -> None:
        self.done = False
        self.body = b""

    def _on_status(self, text: str) -> None: ...

    def _on_header_field(self, text: str) -> None:
        self._names_keep_alive = len(text) == 10 and text.lower() == "keep-alive"

    def _on_header_value(self, text: str) -> None:
        if self._names_keep_alive and (found := _TIMEOUT.search(text)) is not None:
            self.keep_alive_s = int(found[1])

    def _on_headers_complete(self) -> bool:
        return False

    def _on_body(self, part: bytearray) -> None:
        self.body += bytes(part)

    def _on_message_complete(self) -> None:
        self.done = self.get_code() >= 200  # an interim reply precedes the final one


class Connection:
    """Carries one request at a time. ``answered(connection, status, body)`` and ``lost(connection, reason)``
    are called from the event loop itself, so they must not block.
    """

    __slots__ = (
        "_answered",
        "_has_reply",
        "_lost",
        "_parser",
        "_sock",
        "_was_idle",
        "_watcher",
        "idle_ns",
        "job",
    )

    def __init__(
        self,
        sock: Any,
        answered: Callable[[Connection, int, bytes], None],
        lost: Callable[[Connection, str], None],
    ) -> None:
        self.job: Any = None  # the owner's current job; None: idle
        self.idle_ns: int | None = None  # since when it is idle after a reply; the owner sets it
        self._was_idle = False  # whether it was idle before the present job
        self._has_reply = False  # whether a part of the present job's reply has come
        self._sock = sock
        self._answered = answered
        self._lost = lost
        self._parser = ReplyParser()
        self._watcher = gevent.get_hub().loop.io(sock.fileno(), _READ)
        self._watcher.start(self._readable)

    def send(self, payload: bytes, kept: bool) -> None:
        """``kept``: the connection was idle before."""
        self._was_idle = kept
        self._has_reply = False
        try:
            sent = self._sock.send(payload)
        except _NOT_NOW:
            sent = 0
        except OSError as error:
            self._lost(self, _named(error))
            return
        if sent < len(payload):
            # The kernel's buffer is full, which is rare for requests of a few hundred bytes.
            gevent.spawn(self._send_rest, payload[sent:])

    @property
    def reusable(self) -> bool:
        return bool(self._parser.should_keep_alive())

    def is_open(self) -> bool:
        """Whether this idle connection seems to be open."""
        try:
            self._sock.recv(_CHUNK)
        except _NOT_NOW:
            return True
        except OSError:
            return False
        return False  # its end, or a reply without a request, with which targets announce a close (408)

    def outlived(self, now_ns: int) -> bool:
        """Whether it has been idle for about as long as the target keeps a connection.

        One second earlier, or half of the time if that is less, since the request takes time to arrive.
        """
        keep_s = self._parser.keep_alive_s
        if keep_s is None or self.idle_ns is None:
            return False
        return now_ns - self.idle_ns >= (keep_s - min(1.0, keep_s / 2)) * 1e9

    def met_close(self, reason: str) -> bool:
        """Whether the present job failed for ``reason`` because an idle connection was closed before the
        first byte of a response. The target probably had not read it, but that is not certain.
        """
        return self._was_idle and not self._has_reply and reason in (CLOSED, RESET)

    def close(self) -> None:
        self._watcher.stop()
        self._watcher.close()
        self._sock.close()

    def _send_rest(self, rest: bytes) -> None:
        job = self.job
        while rest and self.job is job:
            try:
                rest = rest[self._sock.send(rest) :]
            except _NOT_NOW:
                gevent.sleep(0.001)
            except OSError as error:
                if self.job is job:
                    self._lost(self, _named(error))
                return

    def _readable(self) -> None:
        while True:
            try:
                data = self._sock.recv(_CHUNK)
            except _NOT_NOW:
                return
            except OSError as error:
                self._lost(self, _named(error))
                return
            if self.job is None:
                self._lost(self, CLOSED)  # see is_open
                return
            self._has_reply = self._has_reply or bool(data)
            try:
                self._parser.feed(data)
            except HTTPParseError:
                self._lost(self, "not an HTTP reply")
                return
            if self._parser.done:
                self._parser.done = False
                self._answered(self, self._parser.get_code(), self._parser.body)
                return
            if not data:
                self._lost(self, CLOSED)
                return
            if len(data) < _CHUNK:
                return


def connect(endpoint: Endpoint, timeout_s: float) -> Any:
    """A connected, non-blocking socket. It waits, so call it in a greenlet. Raises ``OSError``."""
    sock = gevent_socket.create_connection((endpoint.host, endpoint.port), timeout=timeout_s)
    try:
        # Without TCP_NODELAY a request in two segments waits 40 ms for the delayed acknowledgement.
        sock.setsockopt(gevent_socket.IPPROTO_TCP, gevent_socket.TCP_NODELAY, 1)
        if endpoint.tls:
            context = ssl.create_default_context()
            sock = context.wrap_socket(sock, server_hostname=endpoint.host)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _named(error: OSError) -> str:
    """One of a few fixed reasons, without port and address, so that statistics stay bounded."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return RESET
    return type(error).__name__


def no_room(error: OSError) -> bool:
    """Whether this machine had no file or local port left for another connection."""
    return error.errno in (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS)


def reason_of(error: OSError) -> str:
    """Why a connection could not be opened, as one of a few fixed texts."""
    return "connect timeout" if isinstance(error, TimeoutError) else _named(error)
