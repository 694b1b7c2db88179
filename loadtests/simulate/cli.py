"""``smsbench simulate``: a scenario in virtual time, from the command line to its report."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from loadtests.usage import (
    AllowUndecided,
    NoCharts,
    ProfileName,
    ScenarioName,
    Slo,
    WindowOption,
    objectives,
    usage_error,
    warn,
)


def simulate(
    scenario: ScenarioName,
    profile: ProfileName = None,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed gives the same run, to the nanosecond.")
    ] = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Run directory; reports/runs/<time>-<scenario>-simulated by default."
        ),
    ] = None,
    scale: Annotated[
        float | None, typer.Option(metavar="N", help="What-if: N times the messages (days only).")
    ] = None,
    rate_limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RATE",
            help="What-if: another limit of the contract, 200/s (segments), requests=50/s, or none; several "
            "with commas.",
        ),
    ] = None,
    carriers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=RATE",
            help="What-if: another rate of a carrier in segments per second, Plus=50/s, or Plus=none; "
            "several with commas.",
        ),
    ] = None,
    fifo: Annotated[
        bool,
        typer.Option(
            "--fifo", help="What-if: a sender without priorities, with one queue in order of arrival."
        ),
    ] = False,
    speedup: Annotated[
        float | None,
        typer.Option(help="Factor on a day's rates; 1 (true speed) by default (days only)."),
    ] = None,
    window: WindowOption = None,
    duration: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Length of the slice around the peak, in virtual seconds; implies --window peak.",
        ),
    ] = None,
    as_bytes: Annotated[
        bool,
        typer.Option(
            "--as-bytes",
            help="Exchange the bytes of the protocol: slower, with the same rows.",
        ),
    ] = False,
    slo: Slo = None,
    allow_undecided: AllowUndecided = False,
    no_charts: NoCharts = False,
) -> None:
    """Simulate a scenario in virtual time.

    The simulation runs the sender's and the provider's own state machines without sockets. A day of 5,000
    messages takes seconds, and one of 500,000 about a minute. It shows queueing, limits, retries and the
    network behind the provider. It does not show what this machine can sustain; smsbench run measures that.
    Each what-if changes one thing, and they can be combined; run.json and the report name them
    (docs/simulate.md).

    Exit code: 0 all objectives met, 1 one missed, 2 bad usage, 3 the run is invalid, 4 undecided,
    70 smsbench itself failed, 130 interrupted. The first Ctrl-C ends the simulation and reports the results
    so far; the second aborts.

    \b
      smsbench simulate day-5k
      smsbench simulate day-500k --profile smsapi
      smsbench simulate burst --profile throttled --seed 7
      smsbench simulate day-500k --scale 10                  5 million a day
      smsbench simulate burst --fifo                         without priorities
      smsbench simulate day-500k --rate-limit 200/s          a smaller contract
      smsbench simulate day-500k --carriers Plus=10/s        one slow carrier
      smsbench simulate day-500k --scale 10 --duration 600   ten minutes of its peak
    """
    import psutil
    from rich.console import Console

    from analysis.objectives.defaults import with_defaults
    from loadtests import catalogue
    from loadtests.arrivals.texts import CLASSES
    from loadtests.objective_classes import absent_text, classes_of_scenario
    from loadtests.parts import Adjustment, adjusted
    from loadtests.runner.run_directory import make_run_directory, new_run_directory
    from loadtests.simulate.memory import too_little_memory
    from loadtests.simulate.part import Choices
    from loadtests.simulate.run import require_choices, simulate_scenario
    from loadtests.simulate.what_ifs import WhatIf, read_carriers, read_rate_limits, read_scale

    given = objectives(slo, CLASSES)
    try:
        what_if = WhatIf(
            scale=read_scale(scale),
            fifo=fifo,
            rate_limits=read_rate_limits(rate_limit or ()),
            carriers=read_carriers(carriers or ()),
        )
        adjustment = Adjustment(speedup, window, duration, scale)
        chosen = catalogue.scenario(scenario)
        if chosen.messages_per_day is not None and speedup is None:
            whole = window is None and duration is None
            adjustment = Adjustment(1.0, "day" if whole else window, duration, scale)
        chosen = adjusted(chosen, adjustment)
        choices = Choices(
            profile=profile, what_if=what_if, as_bytes=as_bytes, objectives=with_defaults(given)
        )
        require_choices(chosen, choices)
        if out is None:
            slug = re.sub(r"[^A-Za-z0-9-]+", "-", chosen.name)
            out = new_run_directory(f"{slug}-simulated", datetime.now(UTC))
        else:
            make_run_directory(out)
        warn(absent_text(given, classes_of_scenario(chosen)))
        warn(too_little_memory(chosen.in_virtual_time(), psutil.virtual_memory().available))
        code = simulate_scenario(chosen, choices, seed, out.resolve(), Console(), allow_undecided, no_charts)
    except ValueError as error:
        raise usage_error(str(error)) from None
    raise typer.Exit(code)
