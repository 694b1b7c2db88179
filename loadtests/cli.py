"""``smsbench``: the command line. Commands import what they need when they are called, so that help is quick
and gevent never comes near an asyncio process.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":  # before any import that a file in the current directory could replace
    from smsbench.launch import main as command

    command()
    sys.exit()

import errno
import math
import os
import re
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.exit_codes import ExitCode
from loadtests.usage import AllowUndecided, Command, Slo, Window, usage_error

if TYPE_CHECKING:
    from loadtests.runner.settings import RunSettings
    from loadtests.scenarios.scenario import Scenario
    from loadtests.targets import Target

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_ABOUT = """Load tests and capacity benchmarks for sending SMS in bulk.

Locust sends messages to a sender, the sender submits them to a mock provider. Every message is followed to
the handset and back, and a report says whether the objectives are met.

\b
Start here:
  smsbench run bench                 all questions, about 5 minutes
  smsbench capacity                  the highest rate at which every objective is met
  smsbench list                      the scenarios there are
  smsbench provider --profile smsapi an SMS provider on your machine, for your own tests
"""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"smsbench {version('smsbench')}")
        except PackageNotFoundError:  # the packages are on the path, and not installed
            print("smsbench (not installed: version unknown)")
        raise typer.Exit


@app.callback(help=_ABOUT)
def smsbench(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version.")
    ] = False,
) -> None:
    """Options before the command."""


# Commands of other packages are imported when called; what follows their name is theirs to read.
_FORWARDED = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command("provider", context_settings=_FORWARDED, help="Run the mock SMS provider.")
def provider(context: typer.Context) -> None:
    _forward(context, "mock_provider.cli")


@app.command("sender", context_settings=_FORWARDED, help="Run the reference sender.")
def sender(context: typer.Context) -> None:
    _forward(context, "reference_sender.cli")


@app.command("simulate", context_settings=_FORWARDED, help="Simulate a scenario in virtual time.")
def simulate(context: typer.Context) -> None:
    _forward(context, "loadtests.simulate.cli")


@app.command("calibrate", context_settings=_FORWARDED, help="Compare the mock provider with its settings.")
def calibrate(context: typer.Context) -> None:
    _forward(context, "loadtests.calibrate.cli")


@app.command("capacity", context_settings=_FORWARDED, help="Find the highest sustained rate.")
def capacity(context: typer.Context) -> None:
    _forward(context, "loadtests.capacity.cli")


@app.command(cls=Command)
def run(
    scenario: Annotated[str, typer.Argument(help="One of `smsbench list`.")],
    target: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Your own sender's HTTP API (docs/load.md).")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Provider profile instead of the scenario's own.")
    ] = None,
    speedup: Annotated[
        float | None, typer.Option(help="Play a day this many times denser; 288 is 5 minutes (days only).")
    ] = None,
    scale_provider: Annotated[
        bool, typer.Option("--scale-provider", help="Make the provider faster by the same factor.")
    ] = False,
    window: Window = None,
    duration: Annotated[
        float | None,
        typer.Option(metavar="S", help="Seconds the slice of the peak takes to play; implies --window peak."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same arrivals and same fates.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Run directory; reports/runs/<time>-<scenario> by default."),
    ] = None,
    ui: Annotated[bool, typer.Option("--ui", help="Locust's web UI; the load waits for Start.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Locust worker processes.")] = 1,
    drain_timeout: Annotated[
        float | None, typer.Option(min=0, metavar="S", help="Longest wait for open messages after the load.")
    ] = None,
    keep_store: Annotated[
        bool, typer.Option("--keep-store", help="Keep the sender's database in the run directory.")
    ] = False,
    slo: Slo = None,
    allow_undecided: AllowUndecided = False,
    probe_timeout: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=3600,
            metavar="S",
            help="What the probe message before the load may take, and your sender to listen.",
        ),
    ] = 4.0,
    no_probe: Annotated[
        bool, typer.Option("--no-probe", help="Send no probe message before the load.")
    ] = False,
) -> None:
    """Run a scenario on real sockets and report it.

    Exit code: 0 all objectives met, 1 one missed, 2 bad usage, 3 the run is invalid, 4 undecided,
    70 smsbench itself failed, 130 interrupted.
    One probe message goes through the sender first; if something is not connected, the run stops with the
    cause. Ctrl-C ends the load in order and still reports; twice aborts. After the load q or Enter ends the
    wait for open messages.

    \b
      smsbench run smoke
      smsbench run day-500k                                  the whole day in 5 minutes
      smsbench run day-500k --window peak --duration 60      its peak at true speed
      smsbench run burst --profile throttled
      smsbench run day-50k --target my-sender.toml           your own sender (examples/)
      smsbench run day-500k --ui                             with Locust's web UI
    """
    from rich.console import Console

    from analysis.objectives.defaults import in_force
    from loadtests.arrivals.texts import CLASSES
    from loadtests.runner.scenario_run import run_scenario
    from loadtests.scenarios import catalogue
    from loadtests.scenarios.scenario import Adjustment, ScenarioError

    try:
        chosen = catalogue.scenario(scenario, Adjustment(speedup, window, duration))
    except ScenarioError as error:
        raise usage_error(str(error)) from None
    asked = {
        "out": out,
        "seed": seed,
        "target_file": target,
        "profile": profile,
        "scale_provider": scale_provider,
        "workers": workers,
        "drain_timeout_s": drain_timeout,
        "keep_store": keep_store,
        "ui": ui,
        "objectives": in_force(objectives(slo, CLASSES)),
        "allow_undecided": allow_undecided,
        "probe": not no_probe,
        "probe_timeout_s": probe_timeout,
    }
    raise typer.Exit(run_scenario(chosen, checked(chosen, asked), Console()))


@app.command("list", cls=Command)
def list_scenarios() -> None:
    """List the scenarios."""
    from loadtests.scenarios import catalogue

    width = max(len(name) for name in catalogue.names())
    for name in catalogue.names():
        scenario = catalogue.scenario(name)
        live_s = sum(part.duration_s for part in scenario.parts if part.mode == "live")
        simulated = sum(part.mode == "simulated" for part in scenario.parts)
        facts = [f"{len(scenario.parts)} parts"] if scenario.is_suite else []
        facts += [f"{simulated} of them in virtual time"] if simulated else []
        facts += [f"{_duration(live_s)} of live load" if simulated else f"{_duration(live_s)} of load"]
        facts += [f"{catalogue.BENCH_TAKES} in all"] if name == "bench" else []
        typer.echo(f"{name:<{width}}  {scenario.title} ({', '.join(facts)})")


@app.command(cls=Command)
def report(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="A run directory, or a suite's.")],
    slo: Slo = None,
    allow_undecided: AllowUndecided = False,
    export: Annotated[
        str, typer.Option(metavar="csv|parquet", help="Also write one row for each message (docs/report.md).")
    ] = "",
) -> None:
    """Analyse a run directory again and write its report.

    Exit code: 0 all objectives met, 1 one missed, 2 bad usage, 3 the run is invalid, 4 undecided,
    70 smsbench itself failed, 130 the run was interrupted.
    """
    from rich.console import Console

    from analysis.records import no_manifest
    from loadtests.runner import scenario_run

    if not (run_dir / "run.json").is_file():
        raise usage_error(no_manifest(run_dir))
    raise typer.Exit(scenario_run.report(run_dir, Console(), objectives(slo), allow_undecided, export))


def main() -> None:
    """The console command. Exits 70 with the traceback where smsbench itself failed."""
    try:
        app()
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            what = error.filename or "a file of this command"
            typer.echo(
                f"smsbench: {what} cannot be written to: {os.strerror(error.errno)}; make room", err=True
            )
            sys.exit(ExitCode.INVALID)
        # Python would exit with 1, which here means a missed objective.
        traceback.print_exc()
        typer.echo("smsbench itself failed; please report it with the above", err=True)
        sys.exit(ExitCode.CRASHED)


def checked(scenario: Scenario, asked: dict[str, Any]) -> RunSettings:
    """Settings that can be run. Ends the program with exit code 2 and what to do where they cannot."""
    from loadtests.runner.run_directory import RunDirectoryError, make_run_directory, new_run_directory
    from loadtests.runner.settings import RunSettings
    from loadtests.targets import TargetError, load_target

    limit_s = asked["drain_timeout_s"]
    if limit_s is not None and not math.isfinite(limit_s):
        raise usage_error(f"--drain-timeout must be a number of seconds, not {limit_s}")
    if asked["ui"] and scenario.is_suite:
        raise usage_error(f"{scenario.name} is a suite of runs; --ui shows one run: smsbench run smoke --ui")
    try:
        target = load_target(asked["target_file"]) if asked["target_file"] is not None else None
    except TargetError as error:
        raise usage_error(str(error)) from None
    _check_provider(scenario, target, asked)
    if target is not None:
        _check_surroundings(target, asked["target_file"], asked["probe_timeout_s"])

    out: Path | None = asked["out"]
    try:
        if out is None:
            out = new_run_directory(_slug(scenario.name), datetime.now(UTC))
        else:
            make_run_directory(out)
    except RunDirectoryError as error:
        raise usage_error(str(error)) from None
    resolved = {"out": out.resolve(), "target": target}
    if asked["target_file"] is not None:
        resolved["target_file"] = asked["target_file"].resolve()
    return RunSettings(**{**asked, **resolved})


def _check_provider(scenario: Scenario, target: Target | None, asked: dict[str, Any]) -> None:
    from loadtests.runner.provider_profile import require_profile

    own = target is not None and target.provider.url is not None
    if target is not None and not own and target.provider.port == 0:
        raise usage_error(
            f"{asked['target_file']} does not say where its sender finds the mock provider. Add a port for "
            "the run to start one on, and point your sender at http://127.0.0.1:9500 with that token:\n\n"
            '  [provider]\n  port = 9500\n  token = "mock"\n\n'
            "or the url of a provider that you run yourself (docs/load.md)"
        )
    if own and (asked["profile"] or asked["scale_provider"]):
        raise usage_error(
            "the target file names a provider of its own: --profile and --scale-provider do not reach it"
        )
    if asked["scale_provider"] and all(part.speedup == 1.0 for part in scenario.parts):
        raise usage_error(
            f"{scenario.name} plays at true speed, so --scale-provider would scale nothing; give --speedup "
            "too, on one of the days"
        )
    if not own:
        try:
            for profile in {asked["profile"] or part.profile for part in scenario.parts}:
                require_profile(profile)
        except ValueError as error:
            raise usage_error(str(error)) from None


def _check_surroundings(target: Target, file: Path, within_s: float) -> None:
    from loadtests.runner.preflight import PreflightError, require_surroundings

    try:
        require_surroundings(target, file, within_s)
    except PreflightError as error:
        raise usage_error(str(error)) from None


def objectives(given: list[str] | None, classes: Sequence[str] = ()) -> tuple[str, ...]:
    """Canonical. Ends the program with exit code 2 where one cannot be read, or speaks of another class."""
    from analysis.objectives.grammar import GivenError, read_given

    try:
        return read_given(given or (), classes)
    except GivenError as error:
        raise usage_error(f"--slo:\n{error}") from None


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", name)


def _forward(context: typer.Context, module: str) -> None:
    """Call the function of the command's name in another package's command line."""
    from importlib import import_module

    name = context.info_name or ""
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    single.command(name, cls=Command)(getattr(import_module(module), name))
    typer.main.get_command(single)(args=context.args, prog_name=f"smsbench {name}")
