"""Messages whose attempt has no answer, on a route whose provider refuses no repeats.

A repeat could deliver them twice, so they are not submitted again. Instead the sender asks the provider, at
growing intervals, whether it has them. A negative answer is never certain, since a request may be processed
late. So a message ends in one of two ways: found by a lookup or a report, or unknown after its lookup window.

A lookup finds messages by number and text. Other messages with these may be open or unknown too. So a message
is found only if the provider has at least as many that are not known to be other messages.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

from reference_sender.dispatch.ticket import Ticket
from reference_sender.dispatch.values import NS_PER_S, Effect, LookUp, Message, Report, State

FIRST_WAIT_NS = 2 * NS_PER_S
_LONGEST_WAIT_NS = 60 * NS_PER_S
_AT_ONCE = 4
_CLAIMS_KEPT = 20_000  # the newest, which may not be in the store yet
_SUBMITTING = State.SUBMITTING
_UNKNOWN = (State.QUEUED, State.EXPIRED)  # of a ticket without an answer that no report or lookup has found


class PendingLookups:
    """Tickets to look up, and the provider's ids that belong to other messages."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int, Ticket, int]] = []  # when, order, ticket, wait before it
        self._entries = 0  # made, of heaps
        self._asked: dict[str, tuple[Ticket, int]] = {}
        self._since_ns: dict[str, int] = {}
        self._claimed: OrderedDict[str, None] = OrderedDict()
        self._unanswered: dict[tuple[str, str], list[Ticket]] = {}  # by number and text, also after their end
        self._forget: list[tuple[int, int, Ticket]] = []  # when, order, ticket

    @property
    def asking(self) -> bool:
        """Whether a lookup is unanswered."""
        return bool(self._asked)

    @property
    def kept(self) -> int:
        """Messages being looked up."""
        return max(len(self._due), len(self._asked), len(self._since_ns))

    def add(self, now_ns: int, ticket: Ticket, since_ns: int, window_ns: int) -> None:
        """Look ``ticket``, submitted at ``since_ns``, up until it ends, as ``note_unanswered``."""
        self._since_ns[ticket.message.key] = since_ns
        self._wait(now_ns, ticket, FIRST_WAIT_NS)
        self.note_unanswered(now_ns, ticket, since_ns, window_ns)

    def note_unanswered(self, now_ns: int, ticket: Ticket, since_ns: int, window_ns: int) -> None:
        """Until ``window_ns`` after ``since_ns`` a lookup of another message may find this one, even if it
        has ended unknown.
        """
        self._unanswered.setdefault(_shown(ticket.message), []).append(ticket)
        self._entries += 1
        heappush(self._forget, (since_ns + window_ns, self._entries, ticket))
        self._forget_before(now_ns)

    def claim(self, provider_id: str | None) -> None:
        """A message got ``provider_id``, so no lookup may match that id to another message."""
        if provider_id is None:
            return
        self._claimed[provider_id] = None
        if len(self._claimed) > _CLAIMS_KEPT:
            self._claimed.popitem(last=False)

    def next_ns(self) -> int | None:
        """The earliest time at which ``run`` has work, unless an answer comes first."""
        due_ns = self._due[0][0] if self._due and len(self._asked) < _AT_ONCE else None
        if self._forget and (due_ns is None or self._forget[0][0] < due_ns):
            return self._forget[0][0]
        return due_ns

    def run(self, now_ns: int, effects: list[Effect]) -> None:
        """Start the lookups that are due."""
        self._forget_before(now_ns)
        while self._due and len(self._asked) < _AT_ONCE and self._due[0][0] <= now_ns:
            _, _, ticket, wait_ns = heappop(self._due)
            key = ticket.message.key
            if ticket.state is not State.QUEUED:
                self._since_ns.pop(key, None)
                continue
            assert ticket.route is not None  # it was submitted
            self._asked[key] = ticket, wait_ns
            effects.append(LookUp(ticket.route, ticket.message, self._since_ns[key]))

    def answered(
        self, now_ns: int, key: str, found: Sequence[Report] | None, in_flight: Iterable[Ticket]
    ) -> tuple[Ticket, Report | None]:
        """The ticket that was looked up, and the report about it among ``found``. Without one, it is looked
        up again later. Raises ``ValueError`` for a key that is not being looked up.

        ``in_flight``: the tickets without an answer so far, of which ``found`` may have messages too.
        """
        asked = self._asked.pop(key, None)
        if asked is None:
            raise ValueError(f"{key} is not being looked up")
        ticket, wait_ns = asked
        free = [each for each in found or () if each.provider_id not in self._claimed]
        report = free[0] if free and len(free) > self.others(ticket, in_flight) else None
        if report is None and ticket.state is State.QUEUED:
            self._wait(now_ns, ticket, min(2 * wait_ns, _LONGEST_WAIT_NS))
        else:
            self._since_ns.pop(key, None)
        return ticket, report

    def others(self, ticket: Ticket, in_flight: Iterable[Ticket]) -> int:
        """How many other messages may be one of those that a lookup of ``ticket`` found."""
        shown = _shown(ticket.message)
        unanswered = [each for each in self._unanswered.get(shown, ()) if each.state in _UNKNOWN]
        submitting = [
            each for each in in_flight if each.state is _SUBMITTING and _shown(each.message) == shown
        ]
        return sum(each is not ticket for each in (*unanswered, *submitting))

    def _forget_before(self, now_ns: int) -> None:
        """Forget the tickets whose windows have ended."""
        while self._forget and self._forget[0][0] <= now_ns:
            _, _, ticket = heappop(self._forget)
            shown = _shown(ticket.message)
            kept = [each for each in self._unanswered.pop(shown) if each is not ticket]
            if kept:
                self._unanswered[shown] = kept

    def _wait(self, now_ns: int, ticket: Ticket, wait_ns: int) -> None:
        self._entries += 1
        heappush(self._due, (now_ns + wait_ns, self._entries, ticket, wait_ns))


def _shown(message: Message) -> tuple[str, str]:
    """By what a lookup recognises a message, as far as the providers have it in common."""
    return message.to, message.text
