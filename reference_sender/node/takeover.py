"""Takes over the open messages of an earlier process, or of another node."""

from __future__ import annotations

from collections.abc import Sequence

from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.stored_instants import not_created_after
from reference_sender.dispatch.values import Effect, Message, Recovered, State
from reference_sender.node.rules import ChangingRules
from reference_sender.node.stored_times import recovered_here
from reference_sender.node.unread_sent import UnreadSent
from reference_sender.policy.gate import Gate
from reference_sender.policy.quiet_hours import FOREVER


class Takeover:
    """``untried``: how many messages, which no provider has, the store still has for later calls."""

    def __init__(self, dispatcher: Dispatcher, gate: Gate, rules: ChangingRules, sent: UnreadSent) -> None:
        self._dispatcher = dispatcher
        self._gate = gate
        self._rules = rules
        self._sent = sent
        self.untried = 0

    @property
    def waiting(self) -> int:
        """Messages that are not offered yet, and that no provider has."""
        return self.untried + self._sent.unoffered

    @property
    def unread(self) -> int:
        """Open messages that are not known yet."""
        return self.waiting + self._sent.count

    def recover(
        self, now_ns: int, recovered: Sequence[Recovered], untried: int, sent: int
    ) -> Sequence[Effect]:
        """As ``Node.recover``."""
        if sent:
            self._sent.count = sent
            self._dispatcher.expect_sent()
        self.untried = untried
        return self._continue(now_ns, self._sent.without_seconds(recovered))

    def recover_sent(self, now_ns: int, page: Sequence[Recovered], left: int) -> Sequence[Effect]:
        """As ``Node.recover_sent``, except the calls and lookups that wait."""
        self._dispatcher.campaigns.recovered(page)
        here = recovered_here(page, self._gate.wall.ahead_ns)
        effects = self._dispatcher.recover_sent(now_ns, here, left)
        if left:
            return effects
        self._sent.count = 0
        return [*effects, *self._continue(now_ns, self._sent.take_seconds())]

    def _continue(self, now_ns: int, recovered: Sequence[Recovered]) -> Sequence[Effect]:
        self._dispatcher.campaigns.recovered(recovered)
        ready, held = _admitted(self._gate, now_ns, recovered)
        self._rules.hold_recovered(now_ns, held, self.untried)
        closes = self._gate.closes(now_ns, [each.message for each in ready if each.state is State.QUEUED])
        return self._dispatcher.recover(now_ns, ready, closes)


def _admitted(
    gate: Gate, now_ns: int, recovered: Sequence[Recovered]
) -> tuple[list[Recovered], list[Message]]:
    """Those for the dispatcher, and those to hold. What a provider may have is never held.

    If the clock was set back meanwhile, the validity of a held message counts from now, as the dispatcher's
    do; but that of a scheduled one from its instant.
    """
    ready: list[Recovered] = []
    held: list[Message] = []
    for each in recovered_here(recovered, gate.wall.ahead_ns):
        if each.state is State.QUEUED and each.route is None and not gate.is_ready(now_ns, each.message):
            is_scheduled = each.message.not_before_ns % FOREVER > now_ns + gate.wall.ahead_ns
            held.append(each.message if is_scheduled else not_created_after(each.message, now_ns))
        else:
            ready.append(each)
    return ready, held
