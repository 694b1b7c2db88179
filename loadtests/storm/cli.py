"""``smsbench storm``: thousands of fault storms in virtual time."""

from __future__ import annotations

from typing import Annotated

import typer

from loadtests.usage import usage_error


def storm(
    seeds: Annotated[int, typer.Option(min=1, help="Number of storms.")] = 1_000,
    seed: Annotated[int, typer.Option(min=0, help="First seed; each further storm adds 1.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes that share the storms.")] = 1,
    calls: Annotated[
        str | None,
        typer.Option(metavar="N,N,…|none", help="Of a single storm: keep only these calls."),
    ] = None,
    faults: Annotated[
        str | None,
        typer.Option(metavar="N,N,…|none", help="Of a single storm: keep only these faults."),
    ] = None,
) -> None:
    """Run the sender's code under random faults in virtual time, and check that no message is lost.

    Each seed draws clients, routes, providers and faults: crashes of sender and provider, outages, lost
    replies, throttling, lost, repeated and late reports, a slow or full disk, a clock that is set, a paused
    process. Afterwards every acknowledged message must be final and accepted once. A storm that
    fails is made smaller, and printed with its trace and the command that repeats it (docs/storms.md).

    Exit code: 0 all invariants hold in every storm, 1 one does not, or a fault never took effect in
    2,000 storms or more, 2 bad usage, 130 interrupted. Ctrl-C prints the summary of the storms that ended.

    \b
      smsbench storm --seeds 10000 --jobs 2
      smsbench storm --seed 4711 --seeds 1              one storm with its trace
    """
    from rich.console import Console

    from loadtests.storm.plan import draw_plan, kept
    from loadtests.storm.report import run_one, run_storms

    console = Console()
    if seeds > 1:
        if calls is not None or faults is not None:
            raise usage_error("--calls and --faults need --seeds 1")
        raise typer.Exit(run_storms(range(seed, seed + seeds), jobs, console))
    try:
        plan = kept(draw_plan(seed), _numbers("--calls", calls), _numbers("--faults", faults))
    except ValueError as error:
        raise usage_error(str(error)) from None
    shortened = calls is not None or faults is not None
    raise typer.Exit(run_one(plan, shortened, console))


def _numbers(option: str, given: str | None) -> tuple[int, ...] | None:
    from loadtests.storm.plan import NONE

    if given is None:
        return None
    if given.strip() == NONE:
        return ()
    parts = [part.strip() for part in given.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise ValueError(f"{option}: must be numbers with commas between them, or {NONE}, not {given!r}")
    return tuple(int(part) for part in parts)
