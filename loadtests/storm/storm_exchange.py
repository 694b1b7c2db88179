"""What passes between sender and provider: the simulation's mapping, and what the storm adds to it."""

from __future__ import annotations

from collections.abc import Sequence

from loadtests.simulate.exchange import Exchange, Render
from loadtests.simulate.exchanges import exchange_of, route_protocol
from mock_provider.engine.values import MessageState, SendReports, Submit
from mock_provider.engine.views import MessageView
from mock_provider.profiles import Profile
from reference_sender.dispatch.values import Message, Report, Result, State
from reference_sender.routes.protocol import NoReply, ProviderReply

_NOT_SENT = ProviderReply(failure=NoReply.NOT_SENT)
_STATES = {
    MessageState.OPEN: State.SENT,
    MessageState.DELIVERED: State.DELIVERED,
    MessageState.EXPIRED: State.EXPIRED,
}


class StormExchange(Exchange):
    """The exchange of the simulation, and the answers to lookups, which its protocol does not have."""

    def __init__(self, profile: Profile, token: str) -> None:
        self._exchange = exchange_of(profile, token, as_bytes=False)
        self._route = route_protocol(token)

    def request(
        self, now_ns: int, batch_id: int, messages: tuple[Message, ...]
    ) -> tuple[Submit, Render] | Sequence[Result]:
        """As ``Exchange``."""
        return self._exchange.request(now_ns, batch_id, messages)

    def unanswered(self, messages: tuple[Message, ...]) -> Sequence[Result]:
        """As ``Exchange``."""
        return self._exchange.unanswered(messages)

    def reports(self, effect: SendReports) -> Sequence[Report]:
        """As ``Exchange``."""
        return self._exchange.reports(effect)

    def not_sent(self, messages: Sequence[Message]) -> Sequence[Result]:
        """The results of a request whose connection was refused."""
        return self._route.interpret(messages, _NOT_SENT)

    def found(self, provider_id: str, view: MessageView | None) -> Report:
        """The answer to a lookup that found this message."""
        state = MessageState.OPEN if view is None else view.state
        return Report(provider_id, None, _STATES.get(state, State.FAILED), "looked_up")
