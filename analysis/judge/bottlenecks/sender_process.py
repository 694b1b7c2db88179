"""The sender's process: it uses a whole core, or it is blocked while it has work to do."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools
from analysis.findings import BottleneckKind
from analysis.formatting import significant
from analysis.judge.bottlenecks.kind import (
    Description,
    Kind,
    KindFinding,
    most_frequent,
    over,
    strength,
    typical,
)
from analysis.judge.bottlenecks.view import View

CORE_PERCENT = 90.0
# A process with one working thread can show a little more than one core (a thread for the disk, rounding). A
# process above that has several threads, and is at its limit only if one of them uses a whole core.
ONE_THREAD_PERCENT = 115.0
MACHINE_BUSY_PERCENT = 95.0
LOOP_LATE_MS = 50.0
STOPPED_SHARE = 0.2
PROCESSES = ("sender", "target")


def cpu(view: View) -> KindFinding:
    used, whose = view.gauges.busiest("cpu_percent", *PROCESSES)
    thread, _ = view.gauges.busiest("busiest_thread_percent", *PROCESSES)
    waited, _ = view.gauges.busiest("core_wait_percent", *PROCESSES)
    machine = view.gauges.high("machine", "cpu_percent")
    full = over(used, CORE_PERCENT) & (~over(used, ONE_THREAD_PERCENT) | over(thread, CORE_PERCENT))
    # It was ready for a whole core and got less, although other cores were idle.
    wanted = np.nan_to_num(used) + np.nan_to_num(waited)
    held = over(wanted, CORE_PERCENT) & over(waited, 20.0) & ~over(machine, MACHINE_BUSY_PERCENT)
    held &= ~over(used, ONE_THREAD_PERCENT)

    def all_of_it(windows: Bools) -> str:
        if typical(used, windows) <= ONE_THREAD_PERCENT:
            return "about as much as one thread can use"
        return f"and one of its threads used {significant(typical(thread, windows), 2)} %"

    def describe(windows: Bools) -> Description:
        percent = significant(typical(used, windows), 2)
        process = _process_text(view, most_frequent(whose, windows))
        evidence = [f"{process} used {percent} % of a core"]
        if over(waited, 20.0)[windows].any():
            evidence.append(f"it waited for a core {significant(typical(waited, windows), 2)} % of the time")
        late = view.gauges.high("sender", "loop_lag_ms")
        if over(late, LOOP_LATE_MS)[windows].any():
            evidence.append(f"its event loop was {significant(typical(late, windows), 2)} ms late")
        if full[windows].any():
            text = f"{process} used {percent} % of a core, {all_of_it(windows & full)}"
            return Description(text, tuple(evidence))
        return Description(f"{process} needed a core and got {percent} % of one", tuple(evidence))

    return KindFinding(strength(full | held, np.maximum(np.nan_to_num(used) / 100.0, 0.95)), describe)


def loop(view: View) -> KindFinding:
    """Late although no other program had the core: blocked by a call, or stopped from outside."""
    at_s, lag_ms = view.gauges.gauges.series("sender", "loop_lag_ms")
    waited_ms = view.gauges.gauges.at("sender", "loop_core_wait_ms", at_s)
    machine = view.gauges.gauges.at("machine", "cpu_percent", at_s)
    waited = (waited_ms >= 0.5 * lag_ms) & (machine > MACHINE_BUSY_PERCENT)
    own = view.gauges.of_values(at_s, np.where(waited, 0.0, lag_ms))
    stopped = np.max(
        [_mean(view, process, "stopped") for process in view.gauges.gauges.processes(*PROCESSES)] or [
            np.zeros(view.windows.count)
        ],
        axis=0,
    )  # fmt: skip

    def describe(windows: Bools) -> Description:
        evidence = []
        late = typical(own, windows)
        if late > LOOP_LATE_MS:
            evidence.append(
                f"its event loop was at least {significant(late, 2)} ms late in a quarter of the seconds"
            )
        if (stopped[windows] > STOPPED_SHARE).any():
            evidence.append(f"it was found stopped in {100 * typical(stopped, windows):.0f} % of the samples")
        used, whose = view.gauges.busiest("cpu_percent", *PROCESSES)
        percent = significant(typical(used, windows), 2)
        process = _process_text(view, most_frequent(whose, windows))
        evidence.append(f"{process} used {percent} % of a core meanwhile")
        return Description(f"{process} was blocked or stopped while it had work to do", tuple(evidence))

    return KindFinding(strength(over(own, LOOP_LATE_MS) | (stopped > STOPPED_SHARE), 0.95), describe)


def _mean(view: View, process: str, name: str) -> np.ndarray:
    at_s, values = view.gauges.gauges.series(process, name)
    among = np.ones(len(at_s), dtype=np.bool_)
    return view.windows.share(at_s, values > 0, among)


def _process_text(view: View, process: str) -> str:
    """The text for the sampled process. A target's worker has its process id in its name."""
    worker = process.partition("-")[2]
    return f"a process of {view.sender_name}" if worker else f"{view.sender_name}'s process"


_AFTER_THE_PROCESS: tuple[BottleneckKind, ...] = (
    *("sender_store", "sender_concurrency", "sender_pacing", "sender_rate"),
    *("sender_api", "sender_refuses", "sender_hold"),
)
CPU = Kind(
    "sender_cpu",
    cpu,
    frozenset(("sender_loop", *_AFTER_THE_PROCESS)),
)
LOOP = Kind(
    "sender_loop",
    loop,
    frozenset(_AFTER_THE_PROCESS),
)
