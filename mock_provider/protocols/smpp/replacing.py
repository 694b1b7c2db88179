"""Scheduled messages, found by later PDUs: replace_if_present_flag, replace_sm, cancel_sm without an id."""

from __future__ import annotations

from collections import OrderedDict

from msgspec import Struct, structs

from mock_provider.engine.values import Submit
from mock_provider.protocols.smpp import codes
from mock_provider.protocols.smpp.fields import PduError
from mock_provider.protocols.smpp.message_pdus import Replacement
from mock_provider.protocols.smpp.parts import UDHI
from mock_provider.protocols.smpp.pdu import ShortMessage


class Scheduled(Struct, frozen=True, gc=False):
    """A scheduled submit. Instants in ns of Unix time, so that it follows the wall clock."""

    system_id: str
    message: ShortMessage
    scheduled_unix_ns: int
    expires_unix_ns: int | None


def replacing_message(old: ShortMessage, replacement: Replacement) -> ShortMessage:
    """The replacement of a message, with a new text, times and receipt (§4.10.1).

    It keeps the client's own reference; the fields that described the old text are dropped.
    """
    kept = tuple(tlv for tlv in old.tlvs if tlv[0] == codes.USER_MESSAGE_REFERENCE)
    return structs.replace(
        old,
        esm_class=old.esm_class & ~UDHI,
        schedule_delivery_time=replacement.schedule_delivery_time,
        validity_period=replacement.validity_period,
        registered_delivery=replacement.registered_delivery,
        replace_if_present=0,
        default_message_id=replacement.default_message_id,
        short_message=replacement.short_message,
        tlvs=kept,
    )


def as_scheduled(
    system_id: str, message: ShortMessage, submit: Submit, wall_offset_ns: int
) -> Scheduled | None:
    """The parts of a submit to keep; None if not scheduled. ``wall_offset_ns`` converts to Unix time."""
    if submit.scheduled_ns is None:
        return None
    expires_ns = None if submit.expires_ns is None else submit.expires_ns + wall_offset_ns
    return Scheduled(system_id, message, submit.scheduled_ns + wall_offset_ns, expires_ns)


def with_times_of(old: Scheduled, replacement: Replacement, submit: Submit, wall_offset_ns: int) -> Submit:
    """The new submit, with the old times if the replacement does not change them."""
    if not replacement.schedule_delivery_time:
        submit = structs.replace(submit, scheduled_ns=old.scheduled_unix_ns - wall_offset_ns)
    if not replacement.validity_period:
        expires_ns = None if old.expires_unix_ns is None else old.expires_unix_ns - wall_offset_ns
        return structs.replace(submit, expires_ns=expires_ns)
    if submit.expires_ns is not None and submit.expires_ns <= (submit.scheduled_ns or 0):
        raise PduError(codes.ESME_RINVEXPIRY)
    return submit


_Route = tuple[str, str, str]


class Replaceable:
    """Scheduled messages by id and by their addresses; at most ``capacity``; the oldest are dropped.

    A message stays here after its time; the engine knows whether it still waits.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._by_id: OrderedDict[str, Scheduled] = OrderedDict()
        self._routes: dict[_Route, dict[str, None]] = {}

    def keep(self, provider_id: str, scheduled: Scheduled) -> None:
        self._by_id[provider_id] = scheduled
        self._routes.setdefault(_route(scheduled), {})[provider_id] = None
        if len(self._by_id) > self._capacity:
            self.forget(next(iter(self._by_id)))

    def forget(self, provider_id: str) -> None:
        scheduled = self._by_id.pop(provider_id, None)
        if scheduled is None:
            return
        route = _route(scheduled)
        ids = self._routes[route]
        del ids[provider_id]
        if not ids:
            del self._routes[route]

    def find(self, provider_id: str) -> Scheduled | None:
        return self._by_id.get(provider_id)

    def replaced_by(self, system_id: str, message: ShortMessage) -> str:
        """The id of the newest message this one replaces, by replace_if_present_flag (§5.2.18); "": none."""
        if not message.replace_if_present:
            return ""
        same = self.of_route(system_id, message.source, message.dest, message.service_type)
        return same[-1] if same else ""

    def of_route(self, system_id: str, source: str, dest: str, service_type: str | None) -> list[str]:
        """Ids of the messages between two addresses, oldest first; ``service_type`` None: of any."""
        ids = self._routes.get((system_id, source, dest), {})
        if service_type is None:
            return list(ids)
        return [each for each in ids if self._by_id[each].message.service_type == service_type]

    def clear(self) -> None:
        self._by_id.clear()
        self._routes.clear()


def _route(scheduled: Scheduled) -> _Route:
    return scheduled.system_id, scheduled.message.source, scheduled.message.dest
