"""The lease of a node among the nodes of a store, its share of the limits, and how many messages it keeps."""

from __future__ import annotations

from collections.abc import Sequence

from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.values import Lane, Message, is_hedge
from reference_sender.node.claim_numbers import ClaimNumbers
from reference_sender.store.protocol import Renewal
from reference_sender.store.sharing import WHOLE

CLAIMED_AT_ONCE = 500  # more would delay the event loop
_LEAST_KEPT = 20


class NodeShare:
    """``window`` is the number of messages that the full limits can send soon. A node keeps its share of
    that number. It stores further messages without an owner, and a node with room claims them.

    Only messages that any route may send now count. Those that wait for their next attempt, or for the one
    route that may have them, do not keep the other routes from work.

    A node whose routes all fail leaves the work to others, which may reach the providers. It keeps one
    message, with which it finds out when a route works again.
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

    def _kept(self, dispatcher: Dispatcher) -> int:
        """How many messages that can be sent now this node keeps."""
        if self.nodes > 1 and self.share and all(route.trouble for route in dispatcher.routes):
            return 1
        return max(_LEAST_KEPT, int(self._window * self.share)) if self.share else 0

    def left_to_others(self, dispatcher: Dispatcher, messages: Sequence[Message]) -> dict[int, int]:
        """Ids of those of ``messages`` that any node may claim, with their turns. A message is kept if few
        messages of its lane and of more urgent lanes can be sent now. So a bulk campaign does not force OTPs
        to be claimed through the store.
        """
        most, kept = self._kept(dispatcher), 0
        left: dict[int, int] = {}
        ready = {lane: dispatcher.ready(lane) for lane in Lane}
        for message in messages:
            # The node that has the first message of a hedge also keeps the second one.
            if is_hedge(message.key) or ready[message.lane] + kept < most:
                kept += 1
            else:
                left[message.message_id] = 0 if self._turns is None else self._turns.take(message)
        self.unclaimed += len(left)
        return left

    def wants(self, now_ns: int, dispatcher: Dispatcher) -> int | None:
        """How many messages to claim now. 0: only those that have expired or have a report. None: not even
        those.
        """
        kept = self._kept(dispatcher)
        if not self.holds(now_ns) or not kept:
            return None
        room = kept - dispatcher.ready(Lane.MARKETING)
        limit = min(room, CLAIMED_AT_ONCE)
        return limit if 2 * room >= kept and dispatcher.has_room(limit, Lane.OTP) else 0
