"""The lease of a node among the nodes of a store, its share of the limits, and how many messages it keeps."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.values import Lane, Message, is_hedge
from reference_sender.node.claim_numbers import ClaimNumbers
from reference_sender.store.protocol import Renewal
from reference_sender.store.sharing import WHOLE

CLAIMED_AT_ONCE = 500  # more would delay the event loop
GIVEN_BACK_AT_ONCE = 5_000  # more would make a commit long
LEAST_KEPT = 20


class ClaimLimit(Struct, frozen=True):
    """At most ``limit`` messages of ``lane`` and of more urgent lanes. 0: only those that have expired or
    have a report.
    """

    limit: int
    lane: Lane = Lane.MARKETING


class NodeShare:
    """``window`` is the number of messages that the full limits can send soon. A node keeps its share of
    that number. It stores further messages without an owner, and a node with room claims them.

    Messages of less urgent lanes do not count: a node that has all its marketing messages still keeps OTPs,
    and claims them. Only messages that any route may send now count. Those that wait for their next attempt,
    or for the one route that may have them, do not keep the other routes from work.

    A node whose routes all fail leaves the work to others, which may reach the providers, also what it has
    already. When a route may be tried again, it takes one message, with which it finds out whether it works.
    A node that stops leaves all its work.
    """

    def __init__(self, window: int, in_turns: bool = True) -> None:
        """``in_turns``: campaigns are claimed in turns, otherwise messages in the order of their ids."""
        self._window = window
        self._turns = ClaimNumbers() if in_turns else None
        self._lease_end_ns = 0
        self.nodes = 0
        self.share = 0.0
        self.unclaimed = 0  # messages without an owner that this node knows of

    def renewed(self, lease_end_ns: int, renewal: Renewal) -> bool:
        """The lease ends at ``lease_end_ns``. Returns whether the share changed."""
        before = self.share
        self._lease_end_ns = lease_end_ns
        self.nodes = renewal.nodes
        self.share = renewal.share / WHOLE
        self.unclaimed = renewal.unclaimed
        if self._turns is not None:
            self._turns.learn(renewal.turns)
        return self.share != before

    def holds(self, now_ns: int) -> bool:
        """Whether no other node can have taken over the work of this one."""
        return now_ns < self._lease_end_ns

    def _fails(self, dispatcher: Dispatcher) -> bool:
        """Whether another node may send what this one cannot."""
        return self.nodes > 1 and self.share > 0 and all(route.trouble for route in dispatcher.routes)

    def to_give_back(self, now_ns: int, dispatcher: Dispatcher, stopping: bool) -> int:
        """How many of the messages that wait here other nodes should get, at most."""
        if self.nodes < 2 or not self.holds(now_ns):
            return 0
        if stopping:
            return GIVEN_BACK_AT_ONCE
        if not self._fails(dispatcher):
            return 0
        most, ready = self._kept(now_ns, dispatcher)[Lane.MARKETING]
        return max(0, min(ready - most, GIVEN_BACK_AT_ONCE))

    def _kept(self, now_ns: int, dispatcher: Dispatcher) -> dict[Lane, tuple[int, int]]:
        """By lane, how many messages that can be sent now this node keeps, and how many it has. Those of more
        urgent lanes count.
        """
        if self._fails(dispatcher):
            most = int(any(not route.blocked_until(now_ns) for route in dispatcher.routes))
            return dict.fromkeys(Lane, (most, dispatcher.ready(Lane.MARKETING)))
        most = max(LEAST_KEPT, int(self._window * self.share)) if self.share else 0
        return {lane: (most, dispatcher.ready(lane)) for lane in Lane}

    def left_to_others(
        self, now_ns: int, dispatcher: Dispatcher, messages: Sequence[Message]
    ) -> dict[int, int]:
        """Ids of those of ``messages`` that any node may claim, with their turns. A message is kept if few
        messages of its lane and of more urgent lanes can be sent now. So a bulk campaign does not force OTPs
        to be claimed through the store.
        """
        left: dict[int, int] = {}
        room = {lane: most - ready for lane, (most, ready) in self._kept(now_ns, dispatcher).items()}
        lanes = tuple(Lane)
        for message in messages:
            # The node that has the first message of a hedge also keeps the second one.
            if is_hedge(message.key) or room[message.lane] > 0:
                for lane in lanes[lanes.index(message.lane) :]:
                    room[lane] -= 1
            else:
                left[message.message_id] = 0 if self._turns is None else self._turns.take(message)
        self.unclaimed += len(left)
        return left

    def wants(self, now_ns: int, dispatcher: Dispatcher) -> ClaimLimit | None:
        """Which messages to claim now. None: not even those that have expired or have a report."""
        if not self.holds(now_ns) or not self.share:
            return None
        for lane, (most, ready) in reversed(self._kept(now_ns, dispatcher).items()):
            room = most - ready
            limit = min(room, CLAIMED_AT_ONCE)
            # With less room than half, claims of a few messages would follow each other.
            if 2 * room >= most > 0 and dispatcher.has_room(limit, lane):
                return ClaimLimit(limit, lane)
        return ClaimLimit(0)
