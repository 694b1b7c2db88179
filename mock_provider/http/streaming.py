"""A response without an end (server-sent events), and how its producer writes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct


class ResponseStream(Protocol):
    """The connection, as the producer of the body sees it."""

    @property
    def unsent_bytes(self) -> int:
        """Bytes that were written and are not sent yet."""

    def write(self, data: bytes) -> bool:
        """Write all of ``data`` or nothing. False if the reader is too slow or has disconnected."""

    def cut(self) -> None:
        """Close the connection; bytes not yet sent are lost."""


class Streaming(Struct, frozen=True):
    """A reply whose body has no end: it lasts as long as the connection.

    ``begin`` gets the stream once the head is written, and returns the function to call when the reader has
    disconnected.
    """

    content_type: str
    begin: Callable[[ResponseStream], Callable[[], None]]
    headers: tuple[tuple[str, str], ...] = ()
