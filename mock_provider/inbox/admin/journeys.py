"""The details of one message: its journey so far, and its text as the phone gets it."""

from __future__ import annotations

from msgspec import Struct

from mock_provider.engine import JourneyView, NumberView
from mock_provider.engine.localtime import unix_seconds
from mock_provider.engine.views import LOST
from mock_provider.inbox.inspection import Inspected, inspect
from mock_provider.protocols.lookups import CapturedMessage

_NS_PER_MS = 1_000_000


class JourneyTimestamp(Struct, frozen=True):
    """One event of the message; ``unix_s`` None: it has not happened.

    ``after_ms`` is the time since the previous timestamp.
    """

    name: str
    unix_s: float | None
    after_ms: float | None


class Journey(Struct, frozen=True):
    """``submits``, ``accepts`` and ``ordinal`` (which acceptance this is) are of the message's key."""

    timestamps: list[JourneyTimestamp]
    key: str
    submits: int
    accepts: int
    ordinal: int
    priority: bool
    report_address: str
    report_calls: int
    expires_unix_s: float
    faults: str  # names of the faults that touched it, with commas between them
    delayed_for: str  # the rule of its country that delayed it
    not_before_unix_s: float | None  # when that rule allows it
    final: bool  # no further event follows


class Detail(Struct, frozen=True):
    """``journey`` is None if the engine has forgotten the message."""

    message: CapturedMessage
    text: Inspected
    network: NumberView
    journey: Journey | None


def detail_of(
    message: CapturedMessage, way: JourneyView | None, network: NumberView, wall_offset_ns: int
) -> Detail:
    journey = None if way is None else _journey(way, message.stage in ("CLOSED", LOST), wall_offset_ns)
    return Detail(message, inspect(message.text), network, journey)


def _journey(way: JourneyView, final: bool, wall_offset_ns: int) -> Journey:
    instants: list[tuple[str, int | None]] = [("submitted", way.t_submitted_ns)]
    if way.t_accepted_ns != way.t_submitted_ns:  # an earlier attempt was refused
        instants.append(("accepted", way.t_accepted_ns))
    instants += [
        ("answered", way.t_answered_ns),
        ("carrier", way.t_carrier_ns),
        ("final", way.t_final_ns),
    ]
    if way.report_address:
        instants += [("reported", way.t_reported_ns), ("confirmed", way.t_confirmed_ns)]
    timestamps: list[JourneyTimestamp] = []
    before_ns = way.t_submitted_ns
    for name, instant_ns in instants:
        if instant_ns is None:
            timestamps.append(JourneyTimestamp(name, None, None))
            continue
        after_ms = None if name == "submitted" else (instant_ns - before_ns) / _NS_PER_MS
        timestamps.append(JourneyTimestamp(name, unix_seconds(instant_ns, wall_offset_ns), after_ms))
        before_ns = instant_ns
    return Journey(
        timestamps=timestamps,
        key=way.key,
        submits=way.submits,
        accepts=way.accepts,
        ordinal=way.ordinal,
        priority=way.priority,
        report_address=way.report_address,
        report_calls=way.report_calls,
        expires_unix_s=unix_seconds(way.expires_ns, wall_offset_ns),
        faults=way.faults,
        delayed_for=way.delayed_for,
        not_before_unix_s=unix_seconds(way.not_before_ns, wall_offset_ns) if way.not_before_ns else None,
        final=final,
    )
