"""What a lookup found, without what the store knows to be of other messages.

The dispatcher knows the ids of the messages that it has itself, and only while they are open. Those of ended
messages, of earlier processes and of other nodes are in the store.
"""

from __future__ import annotations

from collections.abc import Sequence

from reference_sender.dispatch.values import Message, Report
from reference_sender.store.protocol import NodeStore


def untaken(store: NodeStore, message: Message, found: Sequence[Report] | None) -> Sequence[Report] | None:
    """Of ``found``, which may be ``message``, those whose ids no message of the store has. None: that is not
    certain now, so the lookup has no result. It blocks. Raises ``StoreError``.

    Call it after the provider's answer, and before ``Node.looked_up``: an id that this process learns
    meanwhile is known to the dispatcher.
    """
    if not found:
        return found
    taken = store.taken_ids([report.provider_id for report in found], message)
    return None if taken is None else [report for report in found if report.provider_id not in taken]
