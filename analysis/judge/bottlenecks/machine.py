"""The whole machine: every core is busy, and load, sender and provider compete for the cores."""

from __future__ import annotations

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.findings import OTHER_PROGRAMS, BottleneckSign
from analysis.formatting import seconds_text, significant
from analysis.judge.bottlenecks.kind import Description, Kind, KindFinding, over, strength, typical
from analysis.judge.bottlenecks.view import View
from analysis.measure.late_generator import OTHERS_PERCENT

BUSY_PERCENT = 95.0
WANTED_PERCENT = 80.0  # of a core: running plus ready
WAITED_PERCENT = 20.0
_USES_PERCENT = 10.0  # of a core; a process below it takes no core from another
_PARTS = (
    ("the load", "load"),
    ("the sender", "sender"),
    ("the sender", "target"),
    ("the mock provider", "provider"),
)


def without_core(view: View, *processes: str) -> Bools:
    """Windows in which every core was busy, and one of these processes was ready and had none."""
    starved: Bools = np.zeros(view.windows.count, dtype=np.bool_)
    for process in processes:
        used = np.nan_to_num(view.gauges.busiest("cpu_percent", process)[0])
        waited = np.nan_to_num(view.gauges.busiest("core_wait_percent", process)[0])
        starved |= (used + waited >= WANTED_PERCENT) & (waited >= WAITED_PERCENT)
    return starved & over(view.gauges.high("machine", "cpu_percent", 50.0), BUSY_PERCENT)


def find_machine(view: View) -> KindFinding:
    starved = without_core(view, *(process for _, process in _PARTS))
    disturbed = view.windows.counts(view.due_s, view.lateness.disturbed) > 0
    noise = disturbed & over(view.lag_p99_s, view.given.lag_limit_s)
    noise &= not view.lateness.short  # excluded seconds affect no figure

    def describe(windows: Bools) -> Description:
        percent = significant(typical(view.gauges.high("machine", "cpu_percent", 50.0), windows), 3)
        used = _shares(view, windows)
        shares = [f"{name} {significant(share, 2)} %" for name, share in used]
        others = typical(view.gauges.high("machine", "others_percent", 50.0), windows)
        evidence = [f"all cores together were {percent} % busy; of one core: {', '.join(shares)}"]
        if others > OTHERS_PERCENT:
            evidence.append(f"other programs used {significant(others, 2)} % of the machine")
        if noise[windows].any():
            lag = seconds_text(typical(view.lag_p99_s, windows))
            evidence.append(f"the load generator waited for a core and sent late: p99 {lag}")
        busy = _busy_processes(used)
        signs: list[BottleneckSign] = ["other_programs"] if others > OTHERS_PERCENT else []
        signs += ["busy_bench"] if {"load", "provider"} & set(busy) and (len(busy) > 1 or signs) else []
        text = f"the whole machine: {_competing(busy, others)}, so every rate is a lower bound"
        return Description(text, tuple(evidence), tuple(signs))

    return KindFinding(strength(starved | noise, 0.85), describe)


def _busy_processes(used: list[tuple[str, float]]) -> list[str]:
    """``load``, ``sender``, ``provider``, without those that hardly use a core."""
    return list(dict.fromkeys(name.rpartition(" ")[2] for name, share in used if share >= _USES_PERCENT))


def _competing(busy: list[str], others: float) -> str:
    """``sender and other programs compete for cores``."""
    names = [*busy, OTHER_PROGRAMS] if others > OTHERS_PERCENT else busy
    if len(names) > 1:
        return f"{', '.join(names[:-1])} and {names[-1]} compete for cores"
    return f"{names[0]} use the cores" if names == [OTHER_PROGRAMS] else "its cores were all in use"


def _shares(view: View, windows: Bools) -> list[tuple[str, float]]:
    found = []
    for name, process in _PARTS:
        used: Floats = np.array(
            [
                np.nan_to_num(view.gauges.high(each, "cpu_percent"))
                for each in view.gauges.gauges.processes(process)
            ]
        )
        if len(used):
            found.append((name, typical(used.sum(axis=0), windows)))
    return found


MACHINE = Kind("machine", find_machine, frozenset(("sender_api", "sender_refuses")))
