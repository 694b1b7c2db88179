"""``smsbench``: the command line. Commands import their modules when they are called, so that help is quick
and no asyncio process imports gevent.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from analysis.exit_codes import ExitCode, by_interrupt
from loadtests.usage import (
    AllowUndecided,
    Command,
    NoCharts,
    ProfileName,
    ScenarioName,
    Seed,
    Slo,
    TargetFile,
    WindowOption,
    Workers,
    objectives,
    usage_error,
    warn,
)

_INTERRUPTED = "smsbench: interrupted"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_ABOUT = """Load tests and capacity benchmarks for sending SMS in bulk.

`run` starts a mock provider and a sender, and Locust sends messages to the sender. Every message is followed
to the handset and back. The report says whether the objectives are met, and what limits the rate.

\b
Start here:
  smsbench run bench                 the whole bench, about 5 minutes
  smsbench capacity                  the highest rate at which every objective is met
  smsbench list                      the scenarios
  smsbench run smoke                 one scenario, 20 seconds
  smsbench simulate day-500k         a whole day in virtual time, about a minute
  smsbench report DIR                write the report of a run directory again
  smsbench provider --profile smsapi an SMS provider on your machine, for your own tests

Each command has its own help: smsbench run --help.
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


# Commands of other packages: name, module, help.
FORWARDED = (
    ("provider", "mock_provider.cli", "Run the mock SMS provider by itself."),
    ("sender", "reference_sender.cli", "Run the reference sender by itself."),
    ("simulate", "loadtests.simulate.cli", "Simulate a scenario in virtual time, faster than real time."),
    ("storm", "loadtests.storm.cli", "Run the sender through fault storms in virtual time."),
    ("calibrate", "loadtests.calibrate.cli", "Check that the mock provider behaves as its settings say."),
    ("capacity", "loadtests.capacity.cli", "Find the highest rate at which every objective is met."),
)


def _forwarded(name: str, module: str, help_text: str) -> None:
    """Add a command that imports ``module`` when it is called, and calls the function ``name`` there, which
    reads the rest of the command line.
    """
    settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

    @app.command(name, context_settings=settings, help=help_text)
    def command(context: typer.Context) -> None:
        from importlib import import_module

        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        single.command(name, cls=Command)(getattr(import_module(module), name))
        typer.main.get_command(single)(args=context.args, prog_name=f"smsbench {name}")


for _name, _module, _help in FORWARDED:
    _forwarded(_name, _module, _help)


@app.command(cls=Command)
def run(
    scenario: ScenarioName,
    target: TargetFile = None,
    profile: ProfileName = None,
    speedup: Annotated[
        float | None,
        typer.Option(help="Factor on a day's rates; 288 runs the day in 5 minutes (days only)."),
    ] = None,
    scale_provider: Annotated[
        bool,
        typer.Option(
            "--scale-provider",
            help="Multiply the provider's rates, and divide its delays, by the factor of --speedup.",
        ),
    ] = False,
    window: WindowOption = None,
    duration: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Length of the slice around the peak, in seconds (60 by default); implies --window peak.",
        ),
    ] = None,
    seed: Seed = 1,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Run directory; reports/runs/<time>-<scenario> by default."),
    ] = None,
    ui: Annotated[
        bool, typer.Option("--ui", help="Open Locust's web UI; the load begins with Start in the page.")
    ] = False,
    workers: Workers = 1,
    drain_timeout: Annotated[
        float | None,
        typer.Option(min=0, metavar="S", help="Longest wait for open messages after the load."),
    ] = None,
    keep_store: Annotated[
        bool, typer.Option("--keep-store", help="Keep the sender's database in the run directory.")
    ] = False,
    slo: Slo = None,
    allow_undecided: AllowUndecided = False,
    no_charts: NoCharts = False,
    probe_timeout: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=3600,
            metavar="S",
            help="Time limit for the probe message before the load, and for your sender to start listening.",
        ),
    ] = 4.0,
    no_probe: Annotated[
        bool, typer.Option("--no-probe", help="Send no probe message before the load.")
    ] = False,
) -> None:
    """Run a scenario on real sockets and report it.

    Exit code: 0 all objectives met, 1 one missed, 2 bad usage, 3 the run is invalid, 4 undecided,
    70 smsbench itself failed, 130 interrupted.
    Before the load, one probe message is sent through the sender. If something is not connected, the run
    stops and names the cause. The first Ctrl-C ends the load and writes the report; the second aborts. After
    the load, q or Enter ends the wait for open messages.

    \b
      smsbench run smoke
      smsbench run day-500k                                  the whole day in 5 minutes
      smsbench run day-500k --window peak --duration 60      its peak at true speed
      smsbench run burst --profile throttled
      smsbench run day-50k --target my-sender.toml           your own sender (examples/)
      smsbench run day-500k --ui                             with Locust's web UI
      smsbench run my_scenario.py                            your own scenario (docs/load.md)
    """
    from rich.console import Console

    from analysis.objectives.defaults import with_defaults
    from loadtests import catalogue
    from loadtests.arrivals.texts import CLASSES
    from loadtests.checked_settings import checked_settings
    from loadtests.objective_classes import absent_text, classes_of_scenario
    from loadtests.parts import Adjustment
    from loadtests.runner.settings import RunSettings
    from loadtests.scenario import ScenarioError
    from loadtests.suites.scenario_run import run_scenario

    try:
        chosen = catalogue.scenario(scenario, Adjustment(speedup, window, duration))
    except ScenarioError as error:
        raise usage_error(str(error)) from None
    given = objectives(slo, CLASSES)
    options = RunSettings(
        seed=seed,
        target_file=target,
        profile=profile,
        scale_provider=scale_provider,
        workers=workers,
        drain_timeout_s=drain_timeout,
        keep_store=keep_store,
        ui=ui,
        objectives=with_defaults(given),
        allow_undecided=allow_undecided,
        no_charts=no_charts,
        probe=not no_probe,
        probe_timeout_s=probe_timeout,
    )
    settings = checked_settings(chosen, options, out)
    warn(absent_text(given, classes_of_scenario(chosen)))
    raise typer.Exit(run_scenario(chosen, settings, Console()))


@app.command("list", cls=Command)
def list_scenarios(
    file: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE.py]...", help="Scenario files of your own.")
    ] = None,
) -> None:
    """List the scenarios: name, title, number of parts, duration.

    \b
      smsbench list
      smsbench list my_scenario.py       checks a scenario file of your own
    """
    from loadtests import catalogue
    from loadtests.runner.provider_profile import require_profiles

    try:
        found = [catalogue.scenario(name) for name in file or catalogue.names()]
        for scenario in found if file else ():
            require_profiles(scenario)
    except ValueError as error:
        raise usage_error(str(error)) from None
    width = max(len(scenario.name) for scenario in found)
    for scenario in found:
        live_s = sum(part.duration_s for part in scenario.parts if part.mode == "live")
        simulated = sum(part.mode == "simulated" for part in scenario.parts)
        facts = [f"{len(scenario.parts)} parts"] if scenario.is_suite else []
        facts += [f"{simulated} of them in virtual time"] if simulated else []
        facts += [f"{_duration(live_s)} of live load" if simulated else f"{_duration(live_s)} of load"]
        facts += [f"{scenario.takes} in all"] if scenario.takes else []
        typer.echo(f"{scenario.name:<{width}}  {scenario.title} ({', '.join(facts)})")


@app.command(cls=Command)
def report(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="A run directory, or a suite's.")],
    slo: Slo = None,
    allow_undecided: AllowUndecided = False,
    no_charts: NoCharts = False,
    export: Annotated[
        str, typer.Option(metavar="csv|parquet", help="Also write one row for each message (docs/report.md).")
    ] = "",
) -> None:
    """Write the report of a run directory again.

    It analyses the recorded files and writes RUN_DIR/report/index.html.
    --slo judges the run by other objectives. The recorded files stay as they are.

    Exit code: 0 all objectives met, 1 one missed, 2 bad usage, 3 the run is invalid, 4 undecided,
    70 smsbench itself failed, 130 the run was interrupted.
    """
    from rich.console import Console

    from analysis.records import no_manifest
    from loadtests.runner.reporting import report as write_report

    if not (run_dir / "run.json").is_file():
        raise usage_error(no_manifest(run_dir))
    if export not in ("", "csv", "parquet"):
        raise usage_error(f"--export must be csv or parquet, not {export!r}")
    judged = objectives(slo)
    try:
        code = write_report(run_dir, Console(), judged, allow_undecided, export, no_charts)
    except KeyboardInterrupt:
        typer.echo(
            "smsbench: interrupted before the report was complete; the recorded files are kept", err=True
        )
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    raise typer.Exit(code)


def main() -> None:
    """The console command. Exits with 70 and the traceback if smsbench itself failed."""
    try:
        app()
    except SystemExit as ended:
        if by_interrupt(ended):
            typer.echo(_INTERRUPTED, err=True)
        raise
    except Exception as error:
        if by_interrupt(error):  # an import turned it into an error of its own
            typer.echo(_INTERRUPTED, err=True)
            sys.exit(ExitCode.INTERRUPTED)
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


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
