"""Unpacks a compressed body in small pieces and within limits: a few kilobytes can unpack to gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

from reference_sender.api.intake import Invalid

SLICE_BYTES = 16_384
# Campaigns with the longest repeated text reach about 105; hostile bodies reach 1,030.
MAX_RATIO = 200
# Below this size the ratio is not checked: small bodies may have a high ratio.
_FREE_BYTES = 1024 * 1024
_TOO_DENSE = f"the body unpacks to more than {MAX_RATIO} times its size: send it unpacked"
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class Unpacking(Protocol):
    """Decodes received bytes to the bytes of the content."""

    def slices(self, data: bytes) -> Iterator[bytes]:
        """The content in ``data``, in pieces of at most ``SLICE_BYTES``, some of them empty. Raises
        ``Invalid``.
        """
        ...

    def finish(self) -> None:
        """Raises ``Invalid`` if the content is not complete."""
        ...


class Plain:
    """A body that is not compressed."""

    def slices(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), SLICE_BYTES):
            yield data[start : start + SLICE_BYTES]

    def finish(self) -> None:
        return


class Deflated:
    """A body in gzip (RFC 1952, one member or several) or zlib format (RFC 1950); recognised by its first
    bytes.
    """

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._begun = False  # the present member
        self._taken_bytes = 0
        self._made_bytes = 0

    def slices(self, data: bytes) -> Iterator[bytes]:
        more = False  # a full slice may have left content inside the decompressor
        while data or more:
            self._begun = True
            try:
                made = self._member.decompress(data, SLICE_BYTES)
            except zlib.error as error:
                raise Invalid("malformed", "", f"the body is not in gzip or deflate: {error}") from error
            ended = self._member.eof
            rest = self._member.unused_data if ended else self._member.unconsumed_tail
            self._taken_bytes += len(data) - len(rest)
            self._made_bytes += len(made)
            if self._made_bytes > max(_FREE_BYTES, MAX_RATIO * self._taken_bytes):
                raise Invalid("too_large", "", _TOO_DENSE)
            if ended:
                self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
                self._begun = False
            more = len(made) == SLICE_BYTES and not ended
            data = rest
            yield made

    def finish(self) -> None:
        if self._begun or not self._taken_bytes:
            raise Invalid("malformed", "", "the body ends inside its gzip or deflate")


def unpacking_of(content_encoding: str) -> Unpacking | None:
    """The decoder for a ``Content-Encoding``; None unless it is gzip, deflate or identity."""
    name = content_encoding.strip().lower()
    if name in ("", "identity"):
        return Plain()
    return Deflated() if name in ("gzip", "x-gzip", "deflate") else None
