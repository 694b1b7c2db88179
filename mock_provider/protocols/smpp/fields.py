"""The fields that bodies of PDUs consist of: octets, C-octet strings, TLVs (SMPP 3.4, §3.1 and §3.2.4)."""

from __future__ import annotations

import struct

from mock_provider.protocols.smpp import codes

# Longest value of each C-octet string, its NUL left out (§4.1.1, §4.4.1, §4.5.1).
SERVICE_TYPE, ADDRESS, TIME, MESSAGE_ID, LIST_NAME = 5, 20, 16, 64, 20
DATA_SM_ADDRESS = 64  # §4.7.1 allows more than the other PDUs
LONGEST_SHORT_MESSAGE = 254

_tlv_head = struct.Struct(">2H")


class PduError(Exception):
    """A PDU that must be answered with ``status``."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Reader:
    """Reads the fields of a body one after the other."""

    __slots__ = ("_body", "at")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.at = 0

    def octet(self) -> int:
        """The next octet, 0 to 255. Raises ``PduError`` ESME_RINVCMDLEN at the end of the body."""
        if self.at >= len(self._body):
            raise PduError(codes.ESME_RINVCMDLEN)
        self.at += 1
        return self._body[self.at - 1]

    def c_octets(self, longest: int, too_long: int) -> str:
        """A text that ends with NUL, without it. Raises ``PduError``: ``too_long`` above ``longest`` octets,
        ESME_RINVCMDLEN without NUL.
        """
        end = self._body.find(0, self.at)
        if end < 0:
            raise PduError(codes.ESME_RINVCMDLEN)
        if end - self.at > longest:
            raise PduError(too_long)
        text = self._body[self.at : end].decode("latin-1")
        self.at = end + 1
        return text

    def address(self, too_long: int, longest: int = ADDRESS) -> tuple[int, int, str]:
        """Type of number, numbering plan and address."""
        return self.octet(), self.octet(), self.c_octets(longest, too_long)

    def octets(self, count: int, too_few: int) -> bytes:
        """The next ``count`` octets. Raises ``PduError`` with the status ``too_few``."""
        if self.at + count > len(self._body):
            raise PduError(too_few)
        self.at += count
        return self._body[self.at - count : self.at]

    def tlvs(self) -> tuple[tuple[int, bytes], ...]:
        """The rest of the body."""
        return read_tlvs(self._body, self.at)


def read_tlvs(body: bytes, at: int) -> tuple[tuple[int, bytes], ...]:
    """Tag and value of each TLV from ``at`` on. Raises ``PduError`` ESME_RINVOPTPARSTREAM."""
    found: list[tuple[int, bytes]] = []
    octets = len(body)
    while at < octets:
        if octets - at < _tlv_head.size:
            raise PduError(codes.ESME_RINVOPTPARSTREAM)
        tag, length = _tlv_head.unpack_from(body, at)
        at += _tlv_head.size
        if length > octets - at:
            raise PduError(codes.ESME_RINVOPTPARSTREAM)
        found.append((tag, body[at : at + length]))
        at += length
    return tuple(found)


def write_tlv(tag: int, value: bytes) -> bytes:
    return _tlv_head.pack(tag, len(value)) + value


def c_octets(text: str, longest: int, field: str) -> bytes:
    """``text`` in Latin-1 with NUL at its end. Raises ``ValueError`` above ``longest`` octets."""
    octets = text.encode("latin-1")
    if len(octets) > longest or b"\0" in octets:
        raise ValueError(f"{field} must have at most {longest} octets, none of them NUL")
    return octets + b"\0"
