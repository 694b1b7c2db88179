"""A reply that goes on as long as its connection, and how its producer writes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct


class ResponseStream(Protocol):
    """A reply that goes on: what the producer of its body holds."""

    @property
    def unsent_bytes(self) -> int:
        """What is written and not taken by the reader yet."""

    def write(self, data: bytes) -> bool:
        """Write now, or nothing at all: False where the reader has not kept up, or has gone."""

    def cut(self) -> None:
        """End it, with what the reader has not taken."""


class Streaming(Struct, frozen=True):
    """A reply whose body has no end: it lasts as long as the connection.

    ``begin`` gets the stream once the head is written, and returns what to call when the reader has gone.
    """

    content_type: str
    begin: Callable[[ResponseStream], Callable[[], None]]
    headers: tuple[tuple[str, str], ...] = ()
