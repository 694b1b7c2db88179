"""replace_if_present_flag: a submit may take the place of one that is not on its way yet (§5.2.18)."""

from __future__ import annotations

from collections import OrderedDict

from mock_provider.wire.smpp.pdu import ShortMessage

_Name = tuple[str, str, str, str]


class Replaceable:
    """Scheduled messages by what a replacement shares with them; at most ``capacity``, the oldest go."""

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._ids: OrderedDict[_Name, str] = OrderedDict()

    def keep(self, system_id: str, message: ShortMessage, provider_id: str) -> None:
        self._ids[_name(system_id, message)] = provider_id
        if len(self._ids) > self._capacity:
            self._ids.popitem(last=False)

    def replaced_by(self, system_id: str, message: ShortMessage) -> str:
        """The id of the message this one replaces, if that is still scheduled; "" where it asks for none."""
        return self._ids.pop(_name(system_id, message), "") if message.replace_if_present else ""


def _name(system_id: str, message: ShortMessage) -> _Name:
    return system_id, message.service_type, message.source, message.dest
