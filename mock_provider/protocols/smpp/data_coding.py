"""data_coding to text and segments: SMPP 3.4 §5.2.19, and the groups of GSM 03.38 (3GPP TS 23.038 §4).

Values below 0x10 are SMPP's own. Above them are GSM 03.38's data coding schemes, which gateways pass on: 0x10
a class 0 ("flash") text, 0x18 the same in UCS-2, 0xD8 a message waiting indication. Class, automatic deletion
and the indication (discard or store, active or not, its kind) are for the handset and have no effect here.
"""

from __future__ import annotations

from mock_provider.engine.segments import (
    GSM7_JOINED,
    GSM7_SINGLE,
    UCS2_JOINED,
    UCS2_SINGLE,
    count_segments,
)
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.alphabets import decode_gsm7
from mock_provider.protocols.smpp.fields import PduError

GSM7, UCS2, BINARY = "gsm7", "utf-16-be", "binary"
DEFAULT = ""  # the SMSC's default alphabet, a setting of the profile

_BINARY_SINGLE, _BINARY_JOINED = 140, 134
_UCS2_UNIT = 2
_COMPRESSED = 0x20


def _smpp() -> dict[int, str]:
    return {
        0x00: DEFAULT,
        0x01: "ascii",
        0x02: BINARY,
        0x03: "latin-1",
        0x04: BINARY,
        0x05: "shift_jis",  # JIS X 0208
        0x06: "iso8859_5",
        0x07: "iso8859_8",
        0x08: UCS2,
        0x09: "shift_jis",  # pictograms are in its user-defined rows
        0x0A: "iso2022_jp",
        0x0D: "iso2022_jp_1",  # with JIS X 0212
        0x0E: "euc_kr",  # KS C 5601
    }


def _gsm() -> dict[int, str]:
    alphabets = {0b00: GSM7, 0b01: BINARY, 0b10: UCS2}  # bits 3 and 2; 0b11 is reserved
    general = {
        coding: BINARY if coding & _COMPRESSED else alphabets[coding >> 2 & 0b11]
        for coding in range(0x10, 0x80)  # 0x40 to 0x7F: the same, marked for automatic deletion
        if coding >> 2 & 0b11 in alphabets
    }
    waiting = dict.fromkeys(range(0xC0, 0xE0), GSM7) | dict.fromkeys(range(0xE0, 0xF0), UCS2)
    # Bit 3 of the message classes is reserved and ignored; bit 2 means 8-bit data.
    classes = {coding: BINARY if coding & 0b100 else GSM7 for coding in range(0xF0, 0x100)}
    return general | waiting | classes


_CODINGS = _smpp() | _gsm()


def alphabet_of(data_coding: int) -> str:
    """``DEFAULT``, ``GSM7``, ``UCS2``, ``BINARY`` or the name of a codec.

    Raises ``PduError`` for a value that both standards reserve; 3.4 has no status for it.
    """
    alphabet = _CODINGS.get(data_coding)
    if alphabet is None:
        raise PduError(codes.ESME_RSUBMITFAIL)
    return alphabet


def decoded(octets: bytes, alphabet: str) -> str:
    """The text of any alphabet but ``DEFAULT``; of binary data its hexadecimal digits."""
    if alphabet == UCS2:
        if len(octets) % _UCS2_UNIT:
            raise PduError(codes.ESME_RINVMSGLEN)
        # A part may end within a surrogate pair: replace the halves, which UTF-8 cannot encode.
        return octets.decode(UCS2, "replace")
    if alphabet == BINARY:
        return octets.hex()
    if alphabet == GSM7:
        return decode_gsm7(octets)
    return octets.decode(alphabet, "replace")


def segments_of(octets: bytes, text: str, alphabet: str) -> int:
    """The number of short messages into which the SMSC splits it. It recodes any text that is neither binary
    nor UCS-2.
    """
    if alphabet == BINARY:
        return 1 if len(octets) <= _BINARY_SINGLE else -(-len(octets) // _BINARY_JOINED)
    if alphabet == UCS2:
        units = len(octets) // _UCS2_UNIT
        return 1 if units <= UCS2_SINGLE else max(-(-units // UCS2_JOINED), _ucs2_segments(text))
    if alphabet == GSM7:
        return 1 if len(octets) <= GSM7_SINGLE else max(-(-len(octets) // GSM7_JOINED), _counted(text))
    return _counted(text)


def _counted(text: str) -> int:
    return count_segments(text).segments


def _ucs2_segments(text: str) -> int:
    return _counted(text) if count_segments(text).encoding == "ucs2" else 1
