"""The schedule's messages as the sender's API would accept them, many at a time.

The API's checks of each request are made once for each template here: all numbers, keys and campaigns of a
schedule have one form, and a text's segments depend only on its template and length, since placeholders are
filled with digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from loadtests.arrivals import CLASSES, MARKETING, Schedule
from loadtests.arrivals.texts import filler
from reference_sender.api.intake import check_campaign, checked_segments, checked_sender_id, expiry_ns
from reference_sender.dispatch.values import Lane, Message

_LANES = tuple(Lane(name) for name in CLASSES)
_MARKETING = CLASSES.index(MARKETING)


class ArrivalSlice(Struct, frozen=True, gc=False):
    """Arrivals from ``first`` on, in order; the messages' ids are one above the arrivals' numbers."""

    first: int
    messages: list[Message]


class Arrivals:
    """``without_classes``: for a sender without priorities, which treats a one-time password as any other
    message and sets no priority flag for it. The expiry does not change.

    Raises ``reference_sender.api.intake.Invalid`` for a text or campaign that the API would refuse.
    """

    def __init__(
        self, schedule: Schedule, zero_ns: int, max_segments: int, without_classes: bool = False
    ) -> None:
        self._lanes = (Lane.TRANSACTIONAL,) * len(_LANES) if without_classes else _LANES
        self._schedule = schedule
        self._zero_ns = zero_ns
        self._max_segments = max_segments
        streams = schedule.plan.streams
        for stream in streams:
            if stream.campaign:
                check_campaign(stream.campaign)
        self._campaigns = [stream.campaign for stream in streams]
        self._sender_id = checked_sender_id(None)
        self._expiries_ns = [expiry_ns(lane, None) for lane in _LANES]
        self._fillers: list[list[Callable[[int], str]]] = [
            [filler(template) for template in schedule.texts(kind)] for kind in range(len(CLASSES))
        ]
        self._segments: dict[tuple[int, int, int], int] = {}

    def pieces(self, size: int = 4_096) -> Iterator[ArrivalSlice]:
        """All arrivals, in order."""
        for start in range(0, len(self._schedule), size):
            yield self._piece(start, min(start + size, len(self._schedule)))

    def _piece(self, start: int, stop: int) -> ArrivalSlice:
        columns = self._schedule.columns(start, stop)
        tag, zero_ns, sender_id = self._schedule.plan.key_tag, self._zero_ns, self._sender_id
        known, fillers, expiries_ns = self._segments, self._fillers, self._expiries_ns
        lanes = self._lanes
        messages: list[Message] = []
        arrival = start
        for offset_ns, kind, stream, recipient, draw in zip(
            *(columns.intended_ns, columns.kinds, columns.streams, columns.recipients, columns.draws),
            strict=True,
        ):
            of_class = fillers[kind]
            rest, template = divmod(draw, len(of_class))
            text = of_class[template](rest)
            form = kind, template, len(text)
            segments = known.get(form)
            if segments is None:
                segments = known[form] = checked_segments(text, self._max_segments)
            at_ns = zero_ns + offset_ns
            messages.append(
                Message(
                    arrival + 1,
                    f"{tag}-{arrival:07d}",
                    f"48{recipient:09d}",
                    text,
                    lanes[kind],
                    sender_id,
                    self._campaigns[stream] if kind == _MARKETING else "",
                    segments,
                    at_ns,
                    at_ns + expiries_ns[kind],
                )
            )
            arrival += 1
        return ArrivalSlice(start, messages)
