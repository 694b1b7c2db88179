"""Splits a stream of octets, in pieces of any size, into PDUs."""

from __future__ import annotations

import struct

from msgspec import Struct

from mock_provider.protocols.smpp.pdu import HEADER_OCTETS

_header_at = struct.Struct(">4I").unpack_from
_length_at = struct.Struct(">I").unpack_from
_LENGTH_OCTETS = 4


class Frame(Struct, frozen=True, gc=False):
    """One PDU, body unread."""

    command_id: int
    status: int
    sequence: int
    body: bytes


class Framer:
    """Keeps incomplete data: at most the longest PDU and one piece of the stream.

    After a command_length below 16 or above the limit the stream cannot be split further: ``lost_at`` is then
    the sequence number to refuse (0 if the header has none), and the rest of the stream is ignored.
    """

    __slots__ = ("_longest", "_need", "_rest", "lost_at")

    def __init__(self, longest_pdu_octets: int) -> None:
        self._longest = longest_pdu_octets
        self._rest = bytearray()
        self._need = _LENGTH_OCTETS  # number of octets needed for the next step
        self.lost_at: int | None = None

    @property
    def kept(self) -> int:
        """Octets of an incomplete PDU."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Frame]:
        """The PDUs that this piece of the stream completes."""
        if self.lost_at is not None:
            return []
        if self._rest:
            self._rest += data
            if len(self._rest) < self._need:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        frames: list[Frame] = []
        at, octets = 0, len(data)
        while octets - at >= HEADER_OCTETS:
            length, command_id, status, sequence = _header_at(data, at)
            if not HEADER_OCTETS <= length <= self._longest:
                self.lost_at = sequence if length > self._longest else 0
                return frames
            end = at + length
            if end > octets:
                self._need = length
                self._rest += data[at:]
                return frames
            frames.append(Frame(command_id, status, sequence, data[at + HEADER_OCTETS : end]))
            at = end
        self._need = HEADER_OCTETS
        if octets - at >= _LENGTH_OCTETS and _length_at(data, at)[0] < HEADER_OCTETS:
            self.lost_at = 0
        elif at < octets:
            self._need = HEADER_OCTETS if octets - at >= _LENGTH_OCTETS else _LENGTH_OCTETS
            self._rest += data[at:]
        return frames
