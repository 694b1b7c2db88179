"""What ``smsbench storm`` prints: progress, the sum of the storms, a storm that failed."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from analysis.exit_codes import ExitCode
from loadtests.storm.faults import NAMES
from loadtests.storm.features import FEATURES
from loadtests.storm.outcome import StormOutcome, storm
from loadtests.storm.plan import NONE, StormPart, StormPlan, draw_plan, kept
from loadtests.storm.run import StormTotals, storms
from loadtests.storm.shrink import shrunken

_LINE_EVERY_S = 5.0
_MOST_SHOWN = 3  # of the storms that failed
# A fault that never took effect in that many storms is drawn wrongly: the storms prove nothing about it.
COVERED_FROM = 2_000


def run_storms(seeds: range, jobs: int, console: Console) -> int:
    """Run them, print their sum, and return the exit code."""
    began_s = time.monotonic()
    total = StormTotals()
    interrupted = False
    try:
        _run(seeds, jobs, console, total)
    except KeyboardInterrupt:
        interrupted = True
        _say(console, f"interrupted: {total.seeds:,} of {len(seeds):,} storms ended")
    _print_sum(console, total, time.monotonic() - began_s)
    failed = sorted(total.failed, key=lambda each: each.seed)
    if not interrupted:  # it takes some seconds to make a storm smaller
        for outcome in failed[:_MOST_SHOWN]:
            explain(draw_plan(outcome.seed), outcome, console)
    if failed:
        seeds_failed = ", ".join(str(each.seed) for each in failed[:20])
        _say(console, f"{len(failed)} storms failed; seeds {seeds_failed}")
    if interrupted:
        return ExitCode.INTERRUPTED
    if failed:
        return ExitCode.MISSED
    missing = [name for name in (*NAMES, *FEATURES) if not total.occurrences.get(name)]
    if missing and total.seeds >= COVERED_FROM:
        _say(console, f"faults that never took effect: {', '.join(missing)}")
        return ExitCode.MISSED
    return ExitCode.MET


def run_one(plan: StormPlan, shortened: bool, console: Console) -> int:
    """Run one storm and print its trace. One that fails is made smaller first, unless it is ``shortened``."""
    notes: list[str] = []
    outcome = storm(plan, notes)
    if shortened or not outcome.failed:
        _print_plan(console, plan)
        _print_trace(console, notes, outcome)
    else:
        explain(plan, outcome, console)
    return ExitCode.MISSED if outcome.failed else ExitCode.MET


def explain(plan: StormPlan, outcome: StormOutcome, console: Console) -> None:
    """Print the smallest storm that fails as ``plan`` does, its trace, and the command that repeats it."""
    before: list[str] = []
    storm(plan, before)
    part = shrunken(plan, outcome.invariants)
    smaller = kept(plan, part)
    notes: list[str] = []
    again = storm(smaller, notes)
    _say(console, "")
    _say(
        console,
        f"seed {plan.seed} failed; {smaller.messages} of {plan.messages} messages, in {len(smaller.calls)} of"
        f" {len(plan.calls)} calls, and {len(smaller.faults)} of {len(plan.faults)} faults suffice"
        f" (trace of {len(notes):,} lines, before {len(before):,}):",
    )
    _print_plan(console, smaller)
    _print_trace(console, notes, again)
    _say(console, f"repeat it: {command(plan.seed, part)}")


def command(seed: int, part: StormPart) -> str:
    """The command line that repeats ``part`` of a storm."""
    words = [f"smsbench storm --seed {seed} --seeds 1"]
    for name in ("calls", "messages", "faults"):
        some: tuple[object, ...] | None = getattr(part, name)
        if some is not None:
            words.append(f"--{name} {','.join(map(str, some)) or NONE}")
    return " ".join(words)


def _run(seeds: range, jobs: int, console: Console, total: StormTotals) -> None:
    bar = Progress(
        TextColumn("storms"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    task = bar.add_task("storms", total=len(seeds), failed="")
    next_line_s = time.monotonic() + _LINE_EVERY_S
    with bar:
        for outcome in storms(seeds, jobs):
            total.add(outcome)
            failed = f"{len(total.failed)} failed" if total.failed else ""
            bar.update(task, advance=1, failed=failed)
            if not console.is_terminal and time.monotonic() >= next_line_s:
                next_line_s += _LINE_EVERY_S
                _say(console, f"  {total.seeds:,} of {len(seeds):,} storms {failed}".rstrip())


def _print_sum(console: Console, total: StormTotals, spent_s: float) -> None:
    rate = total.seeds / spent_s if spent_s else 0.0
    _say(
        console,
        f"{total.seeds:,} storms in {spent_s:.1f} s ({rate:.0f} per second), {len(total.failed)} failed",
    )
    _say(
        console,
        f"{total.messages:,} messages, {total.acknowledged:,} acknowledged, "
        f"{total.accepted:,} seen by a provider; {total.processes:,} starts of the sender",
    )
    _say(console, "how often each fault took effect:")
    for name in sorted((*NAMES, *FEATURES)):
        _say(console, f"  {name:<40}{total.occurrences.get(name, 0):>10,}")


def _print_plan(console: Console, plan: StormPlan) -> None:
    for route in plan.routes:
        _say(console, f"  {route}")
    for call in plan.calls:
        _say(console, f"  {call}")
    for fault in plan.faults:
        _say(console, f"  {fault}")


def _print_trace(console: Console, notes: list[str], outcome: StormOutcome) -> None:
    for line in notes:
        _say(console, line)
    for violation in outcome.violations:
        _say(console, f"violated: {violation.invariant}: {violation.text}")
    if not outcome.failed:
        _say(console, "all invariants hold")


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
