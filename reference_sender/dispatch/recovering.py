"""Takes in the open messages of an earlier process, or of another sender of the same store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from reference_sender.dispatch.awaiting import SentIndex
from reference_sender.dispatch.backlog import Backlog
from reference_sender.dispatch.hedging import SecondMessages
from reference_sender.dispatch.lookups import PendingLookups
from reference_sender.dispatch.message_states import MessageStates
from reference_sender.dispatch.sending import Sending
from reference_sender.dispatch.stored_instants import not_created_after, recovered_sent, tried_at
from reference_sender.dispatch.ticket import NOWHERE, SHARED
from reference_sender.dispatch.unreported import Unreported
from reference_sender.dispatch.values import Effect, Message, Recovered, State, is_hedge

TOO_LARGE = "more_segments_than_any_route_allows"


class Recovering:
    """``largest``: the most segments of a message that some route can send. ``unreported``: None if no
    provider is asked for missing reports.
    """

    def __init__(
        self,
        backlog: Backlog,
        sending: Sending,
        states: MessageStates,
        lookups: PendingLookups,
        seconds: SecondMessages,
        unreported: Unreported | None,
    ) -> None:
        self._backlog = backlog
        self._sending = sending
        self._states = states
        self._lookups = lookups
        self._seconds = seconds
        self.largest = max(int(route.limits.segments_burst) for route in sending.routes)
        self._unreported = unreported
        self._earlier = SentIndex()  # what ``take_sent`` was given so far
        self._earlier_ns = 0  # when the last of it was sent

    def take(
        self, now_ns: int, recovered: Iterable[Recovered], closes: Mapping[int, int], effects: list[Effect]
    ) -> None:
        """As ``Dispatcher.recover``."""
        sent: list[Recovered] = []
        seconds: list[Message] = []
        count = 0
        for each in recovered:
            count += 1
            if each.state is State.SENT:
                sent.append(each)
            elif each.route is None and is_hedge(each.message.key):
                seconds.append(not_created_after(each.message, now_ns))
            else:
                self._restore(now_ns, each, closes, effects)
        self._states.totals.recovered += count
        self._await(now_ns, sent)
        for message in seconds:
            self._seconds.offer(now_ns, message, closes, effects)

    def take_sent(self, now_ns: int, page: Iterable[Recovered], complete: bool) -> None:
        """As ``Dispatcher.recover_sent``."""
        awaiting, earlier = self._states.awaiting, self._earlier
        latest_ns = awaiting.oldest_ns() if awaiting.index.by_key else now_ns
        for each in page:
            self._states.totals.recovered += 1
            entry = recovered_sent(each, latest_ns, self._states.wall_ahead_ns)
            if entry.at_ns < self._earlier_ns:  # the wall clock was set forward after the page before
                entry = replace(entry, at_ns=self._earlier_ns)
            self._earlier_ns = entry.at_ns
            earlier.add(each.message.key, entry)
        if complete:
            awaiting.put_before(earlier, now_ns)
            self._earlier = SentIndex()

    def _await(self, now_ns: int, sent: list[Recovered]) -> None:
        sent.sort(key=lambda each: now_ns if each.sent_ns is None else each.sent_ns)
        awaiting = self._states.awaiting
        latest_ns = awaiting.latest_ns
        for each in sent:
            entry = recovered_sent(each, now_ns, self._states.wall_ahead_ns)
            if entry.at_ns < latest_ns:  # of another sender: what is awaited is in the order of time
                entry = replace(entry, at_ns=latest_ns)
            awaiting.add(entry.at_ns, [(each.message.key, entry)])
            if self._unreported is not None:
                self._unreported.taken_over(each.message.key, entry)

    def _restore(
        self, now_ns: int, each: Recovered, closes: Mapping[int, int], effects: list[Effect]
    ) -> None:
        message = not_created_after(each.message, now_ns)
        if each.route is None:
            until_ns = min(message.expires_ns, closes.get(message.message_id, message.expires_ns))
            ticket = self._backlog.restore(message, each.attempts, SHARED, None, until_ns)
            if message.segments > self.largest:
                self._states.closed(now_ns, ticket, State.FAILED, TOO_LARGE, effects)
            return
        route = self._sending.route_for(each.route, message.segments)
        slot, expires_ns = NOWHERE, message.expires_ns
        if route is not None:
            tried_ns = tried_at(each, now_ns)
            slot = 1 + route.index
            expires_ns = min(expires_ns, tried_ns + route.unknown_window_ns)
        repeats = route is not None and route.repeats
        ticket = self._backlog.restore(message, each.attempts, slot, each.route, expires_ns, repeats)
        if route is not None and not repeats:
            self._lookups.add(now_ns, ticket, tried_ns, route.unknown_window_ns)
