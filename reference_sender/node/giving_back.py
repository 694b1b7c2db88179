"""Leaves messages that wait at a node to the other nodes."""

from __future__ import annotations

from collections.abc import Sequence

from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.values import Effect, Message, SetAside, is_hedge
from reference_sender.node.commits import Commits


def give_back(
    now_ns: int, most: int, dispatcher: Dispatcher, commits: Commits
) -> tuple[int, Sequence[Effect]]:
    """Leave at most ``most`` messages that no provider may have. Returns how many, and what else happened."""
    chosen: dict[int, Message] = {}

    def choose(message: Message) -> bool:
        # The node that has the first message of a hedge also has the second one.
        if len(chosen) == most or is_hedge(message.key):
            return False
        chosen[message.message_id] = message
        return True

    effects = dispatcher.set_aside(now_ns, choose)
    dispatcher.forget(chosen.values())
    commits.give_back(chosen)
    return len(chosen), [
        each for each in effects if not (isinstance(each, SetAside) and each.message.message_id in chosen)
    ]
