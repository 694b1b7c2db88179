"""What passes between sender and provider: the simulation's mapping, and what the storm adds to it."""

from __future__ import annotations

from collections.abc import Sequence

from loadtests.simulate.mapping import Mapped
from mock_provider.engine.values import MessageState
from mock_provider.engine.views import MessageView
from reference_sender.dispatch.values import Message, Report, Result, State
from reference_sender.routes.protocol import NoReply, ProviderReply, RouteAccount
from reference_sender.routes.smsapi import DEFINITION

_PROTOCOL = DEFINITION.protocol(RouteAccount("http://127.0.0.1/sms.do", "", "t", "Test"))
_NOT_SENT = ProviderReply(failure=NoReply.NOT_SENT)
_STATES = {
    MessageState.OPEN: State.SENT,
    MessageState.DELIVERED: State.DELIVERED,
    MessageState.EXPIRED: State.EXPIRED,
}


class StormPassage(Mapped):
    """Requests, replies and reports of SMSAPI, and the answers to lookups, which SMSAPI does not have."""

    def not_sent(self, messages: Sequence[Message]) -> Sequence[Result]:
        """The results of a request whose connection was refused."""
        return _PROTOCOL.interpret(messages, _NOT_SENT)

    def found(self, provider_id: str, view: MessageView | None) -> Report:
        """The answer to a lookup that found this message."""
        state = MessageState.OPEN if view is None else view.state
        return Report(provider_id, None, _STATES.get(state, State.FAILED), "looked_up")
