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
    messages: Annotated[
        str | None,
        typer.Option(metavar="KEY,KEY,…|none", help="Of a single storm: keep only these messages."),
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

    from loadtests.storm.plan import StormPart, draw_plan, kept
    from loadtests.storm.report import run_one, run_storms

    console = Console()
    if seeds > 1:
        if any(each is not None for each in (calls, messages, faults)):
            raise usage_error("--calls, --messages and --faults need --seeds 1")
        raise typer.Exit(run_storms(range(seed, seed + seeds), jobs, console))
    try:
        part = StormPart(_numbers("--calls", calls), _keys(messages), _numbers("--faults", faults))
        plan = kept(draw_plan(seed), part)
    except ValueError as error:
        raise usage_error(str(error)) from None
    raise typer.Exit(run_one(plan, not part.is_all, console))


def _keys(given: str | None) -> tuple[str, ...] | None:
    from loadtests.storm.plan import NONE

    if given is None:
        return None
    return () if given.strip() == NONE else tuple(key.strip() for key in given.split(","))


def _numbers(option: str, given: str | None) -> tuple[int, ...] | None:
    from loadtests.storm.plan import NONE

    parts = _keys(given)
    if parts is None:
        return None
    if not all(part.isdecimal() for part in parts):
        raise ValueError(f"{option}: must be numbers with commas between them, or {NONE}, not {given!r}")
    return tuple(int(part) for part in parts)
