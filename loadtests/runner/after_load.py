"""The wait after the load: until the drain is over, the limit has passed, or the user ends it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from loadtests.runner.drain import Drain
from loadtests.runner.interruption import Interruption
from loadtests.runner.key_press import KeyPress
from loadtests.runner.progress import Progress
from loadtests.runner.sampling import Snapshot

TICK_S = 0.5
INTERRUPTED_LIMIT_S = 5.0
# The report counts the messages that the sender accepted, each once.
_LEFT = "left open (copies and unacknowledged messages count too):"

End = Literal["finished", "drain_timeout", "drain_ended"]


def await_the_rest(
    drain: Drain,
    observe: Callable[[], Snapshot],
    limit_s: float,
    progress: Progress,
    interruption: Interruption,
    enough: Callable[[Snapshot], bool] = lambda snapshot: False,
) -> End:
    """How the drain ended: by itself, at the limit, or by the user (q, Enter, Ctrl-C).

    ``enough``: the caller needs no further snapshot. After a load that the user interrupted, the drain is
    short.
    """
    interrupted_before = interruption.asked
    limit_s = min(limit_s, INTERRUPTED_LIMIT_S) if interrupted_before else limit_s
    with KeyPress() as key:
        progress.phase("drain", limit_s, "the wait for open messages")
        if key.possible and not interrupted_before:
            progress.note("  the load is over; q, Enter or Ctrl-C ends the wait for open messages")
        deadline_s = time.monotonic() + limit_s
        while True:
            snapshot = observe()
            found = drain.judge(time.monotonic(), snapshot)
            if found.over:
                if found.text:
                    progress.note(f"  the drain is over; {_LEFT} {found.text}")
                return "finished"
            progress.waits_for(f"drain: {found.text}")
            if time.monotonic() >= deadline_s:
                progress.note(f"  the drain timeout of {limit_s:g} s has passed; {_LEFT} {found.text}")
                return "drain_timeout"
            if enough(snapshot):
                return "drain_timeout"
            if key.pressed() or (interruption.asked and not interrupted_before):
                progress.note(f"  the drain was ended by the user; {_LEFT} {found.text}")
                return "drain_ended"
            if interrupted_before:
                time.sleep(TICK_S)
            else:
                interruption.pause(TICK_S)
