"""``smsbench capacity``: from the command line to a search that can be made."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from loadtests.usage import AllowUndecided, Seed, Slo, TargetFile, Workers, objectives, usage_error

_LONGER = 4.0  # the longest trial, in trials
_MOST_PER_S = 100_000.0
_FINEST, _COARSEST = 0.005, 0.5
_SHORTEST_S = 3.0


def capacity(
    slo: Slo = None,
    target: TargetFile = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Provider profile; `fast`, which has no limits, by default."),
    ] = None,
    from_per_s: Annotated[float, typer.Option("--from", metavar="RATE", help="First rate, messages/s.")] = 50,
    to_per_s: Annotated[
        float, typer.Option("--to", metavar="RATE", help="Highest rate to try, messages/s.")
    ] = 5_000,
    precision: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Relative width of the interval at the end; 0.02 is 2 %."),
    ] = 0.02,
    trial_s: Annotated[
        float,
        typer.Option(
            "--trial-s", metavar="S", help="Duration of a trial's load; up to 4 times as long if undecided."
        ),
    ] = 8,
    trials: Annotated[int, typer.Option(min=1, max=12, help="Maximum number of trials.")] = 12,
    mix: Annotated[
        str,
        typer.Option(
            metavar="CLASS=SHARE,…",
            help="Classes of the load: otp=1,marketing=3; default: the day's.",
        ),
    ] = "",
    regular: Annotated[
        bool, typer.Option("--regular", help="Evenly spaced arrivals instead of random ones.")
    ] = False,
    workers: Workers = 1,
    seed: Seed = 1,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Run directory; reports/runs/<time>-capacity by default."),
    ] = None,
    allow_undecided: AllowUndecided = False,
) -> None:
    """Find the highest rate that is sustained with every objective met.

    Each trial is a short run at a steady rate. The rate grows until an objective is missed or the
    backlog grows. Then the search narrows the interval between the highest rate that was met and the lowest
    that was missed (docs/capacity.md).

    Exit code: 0 a rate was found, 1 no rate meets the objectives, 2 bad usage, 3 the bench itself failed,
    4 nothing could be decided, or an objective was not judged at that rate (--allow-undecided: 0),
    70 smsbench itself failed, 130 interrupted. The first Ctrl-C ends the search and reports the results so
    far; the second aborts.

    \b
      smsbench capacity
      smsbench capacity --slo 'otp.p95<10s' --slo 'api.p99<500ms' --profile smsapi
      smsbench capacity --target my-sender.toml --from 20 --to 500
    """
    from rich.console import Console

    from analysis.objectives.defaults import with_defaults
    from loadtests.arrivals import CLASSES, Stream
    from loadtests.capacity.bracket import SearchSettings
    from loadtests.capacity.find import NAME, OBJECTIVES, SearchRequest
    from loadtests.capacity.objectives import read_mix
    from loadtests.capacity.run import search_capacity
    from loadtests.capacity.trial_load import trial_process
    from loadtests.checked_settings import checked_settings
    from loadtests.objective_classes import absent_text, applicable, classes_of
    from loadtests.runner.settings import RunSettings
    from loadtests.scenario import Part, Scenario

    _check(from_per_s, to_per_s, precision, trial_s)
    try:
        asked = SearchRequest(
            search=SearchSettings(
                from_per_s=from_per_s,
                to_per_s=to_per_s,
                precision=precision,
                trial_s=trial_s,
                longest_s=_LONGER * trial_s,
                most_trials=trials,
            ),
            mix=read_mix(mix),
            spacing="even" if regular else "poisson",
        )
    except ValueError as error:
        raise usage_error(f"--mix: {error}") from None
    given, classes = objectives(slo, CLASSES), classes_of([asked.mix])
    unjudged = absent_text(given, classes)
    if unjudged:
        raise usage_error(f"--slo: {unjudged}. Give another --mix, or leave the objective out")
    process = trial_process(from_per_s, trial_s, asked.spacing)
    part = Part(slug=NAME, title=NAME, role="plain", profile=asked.profile, streams=(Stream(process),))
    options = RunSettings(
        seed=seed,
        target_file=target,
        profile=profile,
        workers=workers,
        allow_undecided=allow_undecided,
        objectives=with_defaults(given) if given else applicable(OBJECTIVES, classes),
    )
    settings = checked_settings(Scenario(name=NAME, title=NAME, parts=(part,)), options, out)
    raise typer.Exit(search_capacity(asked, settings, Console()))


def _check(from_per_s: float, to_per_s: float, precision: float, trial_s: float) -> None:
    """Ends the program with exit code 2 for an invalid number."""
    from loadtests.capacity.objectives import LONGEST_TRIAL_S

    for option, rate in (("--from", from_per_s), ("--to", to_per_s)):
        if not (math.isfinite(rate) and 0 < rate <= _MOST_PER_S):
            raise usage_error(
                f"{option} must be a rate above 0 and at most {_MOST_PER_S:,.0f}/s, not {rate:g}"
            )
    if from_per_s > to_per_s:
        raise usage_error(f"--from {from_per_s:g} is above --to {to_per_s:g}")
    if not _FINEST <= precision <= _COARSEST:  # NaN fails both comparisons
        raise usage_error(f"--precision must be from {_FINEST:g} to {_COARSEST:g}, not {precision:g}")
    if not _SHORTEST_S <= trial_s <= LONGEST_TRIAL_S:
        raise usage_error(
            f"--trial-s must be from {_SHORTEST_S:g} to {LONGEST_TRIAL_S:g} seconds, not {trial_s:g}"
        )
