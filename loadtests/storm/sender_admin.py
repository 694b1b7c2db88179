"""The administration of the sender: it pauses, resumes, cancels and limits campaigns, and lists opt-outs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from loadtests.storm.process_interfaces import Order
from loadtests.storm.sender import StormSender
from loadtests.storm.state import StormState
from loadtests.storm.watch import StormWatch
from reference_sender.dispatch.campaign_figures import UNIT
from reference_sender.node.effects import Acknowledge, NodeEffect, Waiter
from reference_sender.node.node import Node
from reference_sender.policy.campaigns import CampaignChange, CampaignState

_AGAIN_S = 1.0
_TIME_OUT_S = 8.0


class SenderAdmin:
    """Gives orders, one try after another until each is acknowledged."""

    def __init__(self, state: StormState, sender: StormSender, watch: StormWatch) -> None:
        self._state = state
        self._sender = sender
        self._watch = watch
        self._orders: Counter[str] = Counter()  # number given so far, by what they are about

    def set_state(
        self, name: str, campaign: str, state: CampaignState, then: Callable[[], None] | None = None
    ) -> None:
        """Pause, resume or cancel ``campaign``, unless it is cancelled. Counted under ``name``. ``then`` is
        called when that is acknowledged.
        """
        watch, orders = self._watch, self._orders
        number = 0

        def order(node: Node, now_ns: int, waiter: Waiter) -> Sequence[NodeEffect]:
            nonlocal number
            known = node.gate.campaign(campaign)
            cancelled = known is not None and known.state is CampaignState.CANCELLED
            if cancelled and state is not CampaignState.CANCELLED:
                number = 0
                return [Acknowledge(waiter, None)]  # the API refuses it at once
            orders[campaign] += 1
            number = orders[campaign]
            if state is CampaignState.RUNNING:
                watch.resumed_campaign(campaign)
            return node.change_campaign(now_ns, CampaignChange(campaign, state), waiter)

        def acknowledged() -> None:
            # A later order may be in force by now.
            if number and number == orders[campaign] and state is not CampaignState.RUNNING:
                watch.stopped_campaign(campaign)
            self._state.occurred(name)
            self._state.note(f"acknowledged: {campaign} is {state.value}")
            if then is not None:
                then()

        _Orders(self._state, self._sender, order, acknowledged).begin()

    def limit(self, campaign: str, segments: int, raises: bool) -> None:
        """Give ``campaign`` a spending limit, or raise the one it has."""
        watch, most = self._watch, segments * UNIT
        spent_then = 0

        def order(node: Node, now_ns: int, waiter: Waiter) -> Sequence[NodeEffect]:
            nonlocal spent_then
            known = node.gate.campaign(campaign)
            limit = None if known is None else known.spending_limit
            if raises and (limit is None or limit >= most):
                return [Acknowledge(waiter, None)]
            if raises:
                watch.limits.raised(campaign, most)
            assert node.gate.spending is not None, "a storm has prices"
            spent_then = node.gate.spending.spent.get(campaign, 0)
            return node.change_campaign(now_ns, CampaignChange(campaign, spending_limit=most), waiter)

        def acknowledged() -> None:
            if not raises:
                watch.limits.limited(campaign, max(most, spent_then))
            self._state.note(f"acknowledged: {campaign} has a limit of {segments}, or more")

        _Orders(self._state, self._sender, order, acknowledged).begin()

    def limit_again(self, campaign: str) -> None:
        """Give ``campaign`` the limit that it has, as each request of a campaign may."""

        def order(node: Node, now_ns: int, waiter: Waiter) -> Sequence[NodeEffect]:
            known = node.gate.campaign(campaign)
            if known is None or known.spending_limit is None:
                return [Acknowledge(waiter, None)]
            again = CampaignChange(campaign, spending_limit=known.spending_limit)
            return node.change_campaign(now_ns, again, waiter)

        def acknowledged() -> None:
            self._state.note(f"acknowledged: {campaign} keeps its limit")

        _Orders(self._state, self._sender, order, acknowledged).begin()

    def opt_out(self, name: str, number: str) -> None:
        """Put ``number`` on the opt-out list. Counted under ``name``."""

        def order(node: Node, now_ns: int, waiter: Waiter) -> Sequence[NodeEffect]:
            return node.opt_out(now_ns, [number], waiter)

        def acknowledged() -> None:
            self._watch.opted_out(number)
            self._state.occurred(name)
            self._state.note(f"acknowledged: {number} opted out")

        _Orders(self._state, self._sender, order, acknowledged).begin()


class _Orders:
    """One order, until it is acknowledged."""

    def __init__(
        self, state: StormState, sender: StormSender, order: Order, acknowledged: Callable[[], None]
    ) -> None:
        self._state = state
        self._sender = sender
        self._order = order
        self._acknowledged = acknowledged

    def begin(self) -> None:
        """Give the order, or try again later."""
        process = self._sender.process
        if process is None or process.stopping or self._sender.paused:
            self.again()
            return
        attempt = _OrderAttempt(self)
        process.ordered(self._order, attempt)
        self._state.later(int(_TIME_OUT_S * 1e9), lambda: attempt.end(False))

    def again(self) -> None:
        """The order was not acknowledged."""
        self._state.later(int(_AGAIN_S * 1e9), self.begin)

    def done(self) -> None:
        """The order was acknowledged."""
        self._acknowledged()


class _OrderAttempt:
    """One try of an order."""

    def __init__(self, orders: _Orders) -> None:
        self._orders = orders
        self._ended = False

    def end(self, kept: bool) -> None:
        """The sender's answer, its connection's end, or the time-out."""
        if self._ended:
            return
        self._ended = True
        if kept:
            self._orders.done()
        else:
            self._orders.again()
