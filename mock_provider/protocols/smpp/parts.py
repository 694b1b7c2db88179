"""Parts of long messages: which part a short message is, and the journey keys of parts.

Each part is a separate message with its own id and receipt, as at real SMSCs. The journey key is in
the text of one part, which has this key, so that a long message counts once. Its other parts have the keys
``<key>/2``, ``<key>/3``. No key in a text can contain a slash, so these keys are unique.
"""

from __future__ import annotations

from collections import OrderedDict

from msgspec import Struct

from mock_provider.protocols.journey_key import text_key
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.fields import PduError
from mock_provider.protocols.smpp.pdu import ShortMessage

UDHI = 0x40
_CONCATENATED_8, _CONCATENATED_16 = 0x00, 0x08  # information elements of 3GPP TS 23.040 §9.2.3.24
_LONGEST_KEY = 67  # #K, 64 characters, #


class MessagePart(Struct, frozen=True, gc=False):
    """Part ``number`` (from 1) of ``total``, joined by ``reference``."""

    reference: int
    total: int
    number: int


class _PartGroup(Struct, gc=False):
    key: str = ""
    owner: int = 0  # the number of the part that has the key
    tail: str = ""  # the end of the part that came last, where a key may have begun


def split_udh(octets: bytes) -> tuple[MessagePart | None, bytes]:
    """The part that the user data header describes, and the octets after the header.

    Raises ``PduError`` where there is no whole header.
    """
    if not octets or octets[0] >= len(octets):
        raise PduError(codes.ESME_RINVESMCLASS)
    end = octets[0] + 1
    part: MessagePart | None = None
    at = 1
    while at + 2 <= end:
        element, length = octets[at], octets[at + 1]
        value = octets[at + 2 : at + 2 + length]
        if at + 2 + length > end:
            raise PduError(codes.ESME_RINVESMCLASS)
        if element == _CONCATENATED_8 and length == 3:
            part = _part(value[0], value[1], value[2])
        elif element == _CONCATENATED_16 and length == 4:
            part = _part(value[0] << 8 | value[1], value[2], value[3])
        at += 2 + length
    return part, octets[end:]


def sar_part(message: ShortMessage) -> MessagePart | None:
    """The part that the sar_* TLVs describe; all three are needed (§5.3.2.22)."""
    found: dict[int, int] = {}
    for tag, value in message.tlvs:
        octets = _SAR_OCTETS.get(tag)
        if octets is not None:
            if len(value) != octets:
                raise PduError(codes.ESME_RINVPARLEN)
            found[tag] = int.from_bytes(value, "big")
    if len(found) < len(_SAR_OCTETS):
        return None
    return _part(
        found[codes.SAR_MSG_REF_NUM], found[codes.SAR_TOTAL_SEGMENTS], found[codes.SAR_SEGMENT_SEQNUM]
    )


class PartKeys:
    """Remembers the keys of the long messages that came last, at most ``capacity`` of them."""

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._groups: OrderedDict[tuple[str, str, int, int], _PartGroup] = OrderedDict()

    def __len__(self) -> int:
        return len(self._groups)

    def key(self, source: str, dest: str, part: MessagePart, text: str) -> str:
        """The journey key of this part, "" where none is known yet."""
        name = source, dest, part.reference, part.total
        group = self._groups.get(name)
        if group is None or part.number == 1:
            # References have 8 bits and repeat: a first part begins another message.
            group = self._groups[name] = _PartGroup()
            if len(self._groups) > self._capacity:
                self._groups.popitem(last=False)
        found = text_key(text) or ("" if group.key else text_key(group.tail + text))
        group.tail = text[-_LONGEST_KEY:]
        if found:
            group.key, group.owner = found, part.number
        if not group.key or part.number == group.owner:
            return group.key
        return f"{group.key}/{part.number}"


_SAR_OCTETS = {codes.SAR_MSG_REF_NUM: 2, codes.SAR_TOTAL_SEGMENTS: 1, codes.SAR_SEGMENT_SEQNUM: 1}


def _part(reference: int, total: int, number: int) -> MessagePart | None:
    """None for invalid numbers: the element is then ignored (3GPP TS 23.040 §9.2.3.24.1)."""
    return MessagePart(reference, total, number) if 1 <= number <= total else None
