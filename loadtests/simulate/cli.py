"""``smsbench simulate``: a scenario in virtual time, from the command line to its report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from analysis.exit_codes import EXIT_USAGE
from loadtests.usage import AllowUndecided, Slo


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
    slo: Slo = None,
    allow_undecided: AllowUndecided = False,
) -> None:
    """Live a scenario in virtual time: the sender's and the provider's own cores, no socket, no waiting.

    A day is lived whole and uncompressed, hour by hour, in about a minute. What is simulated is the
    queueing, the limits, the retries and the network behind the provider; what this machine can carry is
    not: for that, smsbench run.

    Exit code: 0 all objectives met, 1 one missed, 2 bad usage, 3 the run is invalid, 4 undecided,
    70 smsbench itself failed, 130 interrupted. Ctrl-C ends the simulation and reports what was simulated;
    twice aborts.

    \b
      smsbench simulate day-5k
      smsbench simulate day-500k --profile smsapi
      smsbench simulate burst --profile throttled --seed 7
    """
    from rich.console import Console

    from analysis.objectives.defaults import in_force
    from analysis.objectives.grammar import GivenError, read_given
    from loadtests.running.provider_profile import require_profile
    from loadtests.running.run_directory import make_run_directory, new_run_directory
    from loadtests.scenarios import catalogue
    from loadtests.scenarios.scenario import Adjustment
    from loadtests.simulate.run import simulate_scenario

    try:
        slos = in_force(read_given(slo or ()))
    except GivenError as error:
        typer.echo(f"smsbench: --slo:\n{error}", err=True)
        raise typer.Exit(EXIT_USAGE) from None
    try:
        whole_day = Adjustment(compress=1.0, window="day") if scenario in catalogue.LEVELS else None
        chosen = catalogue.scenario(scenario, whole_day)
        if profile is not None:
            require_profile(profile)
        if out is None:
            out = new_run_directory(f"{chosen.name}-simulated", datetime.now(UTC))
        else:
            make_run_directory(out)
        code = simulate_scenario(chosen, profile, seed, out.resolve(), Console(), slos, allow_undecided)
    except ValueError as error:
        typer.echo(f"smsbench: {error}", err=True)
        raise typer.Exit(EXIT_USAGE) from None
    raise typer.Exit(code)
