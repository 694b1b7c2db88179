"""A second route for an OTP whose report does not come in time. Off by default: the phone may get it twice.

The second attempt is a message of its own: the key of the first with a suffix, stored before it is offered,
on another route. So the store and the journals of both providers show both, and every rule for messages
applies to it. At most one is made for each message. Once either is delivered, the first ends delivered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import msgspec

from reference_sender.dispatch.backlog import Backlog
from reference_sender.dispatch.choice import RouteChoice
from reference_sender.dispatch.message_states import NOT_NEEDED, MessageStates
from reference_sender.dispatch.route import RouteState
from reference_sender.dispatch.settings import DispatchSettings
from reference_sender.dispatch.ticket import OTP
from reference_sender.dispatch.values import (
    NS_PER_S,
    Effect,
    Hedge,
    Message,
    State,
    is_hedge,
    key_of_first,
    key_of_second,
)

_HELD = 100_000  # the most OTPs that wait to be hedged; further ones are not


class Hedging:
    """OTPs that were sent, until their time has come; then the effects that ask for their second message."""

    def __init__(self, after_ns: int, states: MessageStates) -> None:
        self._after_ns = after_ns
        self._states = states
        self._due: deque[tuple[int, Message]] = deque()  # all wait equally long, so they are in order

    @property
    def kept(self) -> int:
        """OTPs that wait for their time."""
        return len(self._due)

    def sent(self, now_ns: int, message: Message) -> None:
        """A provider accepted this OTP now."""
        if not is_hedge(message.key) and len(self._due) < _HELD:
            self._due.append((now_ns + self._after_ns, message))

    def next_ns(self) -> int | None:
        """When ``run`` has work."""
        return self._due[0][0] if self._due else None

    def run(self, now_ns: int, effects: list[Effect]) -> None:
        """Ask for the second message of each OTP whose report is late."""
        due = self._due
        while due and due[0][0] <= now_ns:
            _, message = due.popleft()
            if message.key in self._states.awaiting.index.by_key and message.expires_ns > now_ns:
                self._states.totals.hedged += 1
                second = msgspec.structs.replace(message, key=key_of_second(message.key), created_ns=now_ns)
                effects.append(Hedge(second))


class SecondMessages:
    """Second messages that are stored, also by an earlier process or by another sender."""

    def __init__(self, backlog: Backlog, states: MessageStates, choice: RouteChoice | None) -> None:
        """``choice``: None if no second route is used. Then none of them is sent."""
        self._backlog = backlog
        self._states = states
        self._choice = choice

    def offer(self, now_ns: int, message: Message, closes: Mapping[int, int], effects: list[Effect]) -> None:
        """Take in a second message: on the best route but that of the first, or not at all. ``closes`` is
        that of ``Dispatcher.offer``.
        """
        expires_ns = min(closes.get(message.message_id, message.expires_ns), message.expires_ns)
        routes = self._routes(now_ns, message)
        if not routes:
            ticket = self._backlog.add(message, expires_ns)
            self._states.resumed(ticket)
            self._states.closed(now_ns, ticket, State.EXPIRED, NOT_NEEDED, effects)
            return
        route = next((route for route in routes if not route.paused_ns(now_ns)), routes[0])
        self._states.resumed(self._backlog.add_confined(message, expires_ns, 1 + route.index))

    def _routes(self, now_ns: int, message: Message) -> Sequence[RouteState]:
        """Those that may take it, the best first."""
        first = self._states.awaiting.index.by_key.get(key_of_first(message.key))
        if first is None or self._choice is None:
            return ()
        return [
            route
            for route in self._choice.ranked(now_ns, message, OTP)
            if route.name != first.route and message.segments <= route.segments.capacity
        ]


def hedging_of(
    settings: DispatchSettings, states: MessageStates, choice: RouteChoice | None
) -> Hedging | None:
    """None if the settings ask for none, or there is no second route."""
    if choice is None or settings.hedge_otp_after_s is None:
        return None
    return Hedging(int(settings.hedge_otp_after_s * NS_PER_S), states)
