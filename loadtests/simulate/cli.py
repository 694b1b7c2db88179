"""``smsbench simulate``: a scenario in virtual time, from the command line to its report."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from analysis.exit_codes import ExitCode
from loadtests.usage import AllowUndecided, Slo, Window


def simulate(
    scenario: Annotated[str, typer.Argument(help="One of `smsbench list`.")],
    profile: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Provider profile instead of the scenario's own.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same run, to the nanosecond.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Run directory; reports/runs/<time>-<scenario>-simulated by default."
        ),
    ] = None,
    scale: Annotated[
        float | None, typer.Option(metavar="N", help="What if there were N times the messages? (days only)")
    ] = None,
    rate_limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RATE",
            help="What if the contract had another limit? 200/s (segments), requests=50/s, or none; several "
            "with commas.",
        ),
    ] = None,
    carriers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=RATE",
            help="What if a carrier took so many segments a second? Plus=50/s, or Plus=none; several with "
            "commas.",
        ),
    ] = None,
    fifo: Annotated[
        bool,
        typer.Option("--fifo", help="What if the sender had no priorities: one queue in order of arrival?"),
    ] = False,
    speedup: Annotated[
        float | None,
        typer.Option(help="Play a day this many times denser; 1 (true speed) by default (days only)."),
    ] = None,
    window: Window = None,
    duration: Annotated[
        float | None,
        typer.Option(metavar="S", help="Virtual seconds of the slice of the peak; implies --window peak."),
    ] = None,
    through_wire: Annotated[
        bool,
        typer.Option(
            "--through-wire",
            help="Let sender and provider exchange the protocol's bytes, as over sockets: same rows, slower.",
        ),
    ] = False,
    slo: Slo = None,
    allow_undecided: AllowUndecided = False,
) -> None:
    """Live a scenario in virtual time: the sender's and the provider's own cores, no socket, no waiting.

    A day is lived whole and uncompressed, hour by hour, in seconds. What is simulated is the
    queueing, the limits, the retries and the network behind the provider; what this machine can carry is
    not: for that, smsbench run. The what-ifs change one thing each and may be combined; run.json and the
    report name them (docs/simulate.md).

    Exit code: 0 all objectives met, 1 one missed, 2 bad usage, 3 the run is invalid, 4 undecided,
    70 smsbench itself failed, 130 interrupted. Ctrl-C ends the simulation and reports what was simulated;
    twice aborts.

    \b
      smsbench simulate day-5k
      smsbench simulate day-500k --profile smsapi
      smsbench simulate burst --profile throttled --seed 7
      smsbench simulate day-500k --scale 10                  5 million a day
      smsbench simulate burst --fifo                         what are priorities worth?
      smsbench simulate day-500k --rate-limit 200/s          a smaller contract
      smsbench simulate day-500k --carriers Plus=10/s        one slow carrier
      smsbench simulate day-500k --scale 10 --duration 600   ten minutes of its peak
    """
    from rich.console import Console

    from analysis.objectives.defaults import in_force
    from analysis.objectives.grammar import GivenError, read_given
    from loadtests.arrivals.texts import CLASSES
    from loadtests.runner.run_directory import make_run_directory, new_run_directory
    from loadtests.scenarios import catalogue
    from loadtests.scenarios.scenario import Adjustment
    from loadtests.simulate.part import Choices
    from loadtests.simulate.run import require_choices, simulate_scenario
    from loadtests.simulate.what_ifs import WhatIf, read_carriers, read_rate_limits, read_scale

    try:
        objectives = in_force(read_given(slo or (), CLASSES))
    except GivenError as error:
        typer.echo(f"smsbench: --slo:\n{error}", err=True)
        raise typer.Exit(ExitCode.USAGE) from None
    try:
        what_if = WhatIf(
            scale=read_scale(scale),
            fifo=fifo,
            rate_limits=read_rate_limits(rate_limit or ()),
            carriers=read_carriers(carriers or ()),
        )
        adjustment = Adjustment(speedup, window, duration, scale)
        if scenario in catalogue.LEVELS and speedup is None:
            whole = window is None and duration is None
            adjustment = Adjustment(1.0, "day" if whole else window, duration, scale)
        chosen = catalogue.scenario(scenario, adjustment)
        choices = Choices(profile=profile, what_if=what_if, through_wire=through_wire, objectives=objectives)
        require_choices(chosen, choices)
        if out is None:
            slug = re.sub(r"[^A-Za-z0-9-]+", "-", chosen.name)
            out = new_run_directory(f"{slug}-simulated", datetime.now(UTC))
        else:
            make_run_directory(out)
        code = simulate_scenario(chosen, choices, seed, out.resolve(), Console(), allow_undecided)
    except ValueError as error:
        typer.echo(f"smsbench: {error}", err=True)
        raise typer.Exit(ExitCode.USAGE) from None
    raise typer.Exit(code)
