"""A second route for an OTP whose report does not come in time, though it may have no answer either. Off by
default: the phone may get it twice.

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
from reference_sender.dispatch.ticket import OTP, Ticket
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

HEDGED = "hedged"  # why a message in flight is bound to its route
_MOST_DUE = 100_000  # the most OTPs that wait to be hedged; further ones are not


class Hedging:
    """OTPs that were submitted, until their time has come; then the effects that ask for their second
    message.
    """

    def __init__(self, after_ns: int, states: MessageStates, routes: Sequence[RouteState]) -> None:
        self._after_ns = after_ns
        self._states = states
        self._routes = routes
        self._due: deque[tuple[int, Ticket]] = deque()  # all wait equally long, so they are in order

    @property
    def kept(self) -> int:
        """OTPs that wait for their time."""
        return len(self._due)

    def submitted(self, now_ns: int, tickets: Sequence[Ticket]) -> None:
        """These OTPs are submitted now. Their time begins, unless it began with an attempt that was not
        refused.
        """
        for ticket in tickets:
            if ticket.tried_ns is None and not is_hedge(ticket.message.key) and len(self._due) < _MOST_DUE:
                ticket.tried_ns = now_ns
                self._due.append((now_ns + self._after_ns, ticket))

    def next_ns(self) -> int | None:
        """When ``run`` has work."""
        return self._due[0][0] if self._due else None

    def run(self, now_ns: int, effects: list[Effect]) -> None:
        """Ask for the second message of each OTP that a provider may have, and whose report is late."""
        due = self._due
        while due and due[0][0] <= now_ns:
            due_ns, ticket = due.popleft()
            message = ticket.message
            tried_ns = due_ns - self._after_ns
            if ticket.tried_ns != tried_ns or message.expires_ns <= now_ns:
                continue  # that attempt was refused
            if ticket.state is State.SUBMITTING and not ticket.uncertain:
                if ticket.expires_ns <= now_ns:
                    continue  # it may not be sent now: an attempt that is not stored yet does not go out
                self._bind(now_ns, ticket, tried_ns, effects)
            is_open = ticket.state in (State.SUBMITTING, State.QUEUED)
            if is_open or message.key in self._states.awaiting.index.by_key:
                self._states.totals.hedged += 1
                key = key_of_second(message.key)
                second = msgspec.structs.replace(message, key=key, created_ns=now_ns, once=False)
                effects.append(Hedge(second))

    def _bind(self, now_ns: int, ticket: Ticket, tried_ns: int, effects: list[Effect]) -> None:
        """Let only the route of the attempt in flight repeat it, whatever the answer is: the provider of the
        second message must not get it too, also after a crash.
        """
        route = next(route for route in self._routes if route.name == ticket.route)
        ticket.confined = False
        ticket.slot = 1 + route.index
        ticket.expires_ns = min(ticket.message.expires_ns, tried_ns + route.unknown_window_ns)
        self._states.bound(now_ns, ticket, tried_ns, HEDGED, effects)


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
        key = key_of_first(message.key)
        sent, ticket = self._states.awaiting.index.by_key.get(key), self._backlog.tickets.get(key)
        if self._choice is None or (sent is None and (ticket is None or not ticket.uncertain)):
            return ()
        first = sent or ticket
        assert first is not None
        return [
            route
            for route in self._choice.ranked(now_ns, message, OTP)
            if route.name != first.route and message.segments <= route.segments.capacity
        ]


def hedging_of(
    settings: DispatchSettings,
    states: MessageStates,
    choice: RouteChoice | None,
    routes: Sequence[RouteState],
) -> Hedging | None:
    """None if the settings ask for none, or there is no second route."""
    if choice is None or settings.hedge_otp_after_s is None:
        return None
    return Hedging(int(settings.hedge_otp_after_s * NS_PER_S), states, routes)
