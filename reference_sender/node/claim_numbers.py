"""The order in which nodes claim the messages that have no owner: the campaigns of a class in turns."""

from __future__ import annotations

from collections.abc import Mapping

from reference_sender.dispatch.values import Lane, Message


class ClaimNumbers:
    """Numbers for messages that are left to any node; the lowest of a class is claimed next.

    Fair queueing by start tags, as in a lane (``dispatch/lane.py``). A campaign under one sender name is a
    flow. Its next message gets the number after the segments that are left of it already. A flow without
    such messages begins at the clock, the number that is claimed now, so it shares the claims from then on.
    """

    def __init__(self) -> None:
        self._clock: dict[Lane, int] = {}
        self._next: dict[Lane, dict[tuple[str, str], int]] = {}

    @property
    def kept(self) -> int:
        """Campaigns in memory."""
        return sum(map(len, self._next.values()))

    def learn(self, claimed: Mapping[Lane, int]) -> None:
        """The number that is claimed now in each class; left out: nothing waits, so all begin again."""
        self._clock = {lane: max(number, self._clock.get(lane, 0)) for lane, number in claimed.items()}
        self._next = {
            lane: {flow: number for flow, number in self._next.get(lane, {}).items() if number > clock}
            for lane, clock in self._clock.items()
        }

    def take(self, message: Message) -> int:
        """The next claim number of the flow of ``message``, for this message."""
        flows = self._next.setdefault(message.lane, {})
        flow = message.sender_id, message.campaign
        number = max(flows.get(flow, 0), self._clock.get(message.lane, 0))
        flows[flow] = number + message.segments
        return number
