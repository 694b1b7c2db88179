"""Messages that wait for a higher spending limit, and a policy without prices: no limit can be checked.

A process does not start with them: it could only send them over their limits, or let them expire. One of
several nodes that takes them over while it runs holds them, and says so.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from reference_sender.dispatch.values import Recovered
from reference_sender.policy.gate import Gate
from reference_sender.policy.quiet_hours import FOREVER
from reference_sender.policy.settings import PolicyError, PolicySettings
from reference_sender.store import Store

log = logging.getLogger(__name__)

_MOST_NAMED = 3


def require_prices(policy: PolicySettings, store: Store, at_ns: int) -> None:
    """Raises ``PolicyError`` if messages that expire after ``at_ns`` are held over a limit, and there are no
    prices. Raises ``StoreError``.
    """
    if policy.spending.has_prices or not (waiting := store.over_limits(at_ns)):
        return
    shown = [f"{name or 'no campaign'}: {count}" for name, count in sorted(waiting.items())]
    further = [f"{len(shown) - _MOST_NAMED} more campaigns"] if len(shown) > _MOST_NAMED else []
    raise PolicyError(
        f"--policy: messages wait for a higher spending limit ({', '.join(shown[:_MOST_NAMED] + further)}),"
        " and without prices no limit can be checked: give spending.cost_per_segment as before. To do without"
        " prices from now on, start with them again, and raise the limits or cancel the campaigns"
    )


def warn_of_missing_prices(gate: Gate, taken_over: Iterable[Recovered]) -> None:
    """Log how many of the messages are held over a limit that this node cannot check."""
    if gate.spending is None:
        count = sum(each.message.not_before_ns >= FOREVER for each in taken_over)
        if count:
            log.error(
                "messages of another node that wait for a higher spending limit: %d. This node has no prices,"
                " so it holds them until they expire, or until a node with prices takes them over. Give all"
                " nodes the same --policy file",
                count,
            )
