"""The unfinished messages of an earlier process: which may be sent."""

from __future__ import annotations

from collections.abc import Sequence

from reference_sender.dispatch.recovery import not_created_after
from reference_sender.dispatch.values import Message, Recovered
from reference_sender.node.stored_times import recovered_here
from reference_sender.policy.gate import Gate
from reference_sender.policy.quiet_hours import FOREVER


def admitted(
    gate: Gate, now_ns: int, recovered: Sequence[Recovered]
) -> tuple[list[Recovered], list[Message]]:
    """Those for the dispatcher, and those to hold. What a provider may have is never held.

    If the clock was set back meanwhile, the validity of a held message counts from now, as the dispatcher's
    do; but that of a scheduled one from its instant.
    """
    ready: list[Recovered] = []
    held: list[Message] = []
    for each in recovered_here(recovered, gate.wall.ahead_ns):
        if each.untried and not gate.is_ready(now_ns, each.message):
            is_scheduled = each.message.not_before_ns % FOREVER > now_ns + gate.wall.ahead_ns
            held.append(each.message if is_scheduled else not_created_after(each.message, now_ns))
        else:
            ready.append(each)
    return ready, held
