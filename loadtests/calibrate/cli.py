"""``smsbench calibrate``: from the command line to the table, the files and the exit code."""

from __future__ import annotations

import os
import platform
import resource
import select
import signal
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from loadtests.usage import usage_error

_FILES = 8_192


def calibrate(
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Measure this profile's settings; by default a standard set."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Directory for calibration.json and .png; reports/runs/<time>-calibration by default.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Send fewer messages; it takes half a minute.")
    ] = False,
    only: Annotated[
        str,
        typer.Option(metavar="LIST", help="Only these groups: latency,throttle,failures,carriers,windows."),
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same outcomes.")] = 1,
) -> None:
    """Check that the mock provider behaves as its settings say.

    Starts a provider, sends requests at fixed times and compares the results with the settings: reply
    latency, rate limits, failures, delivery delays, fault windows. The table shows expected and measured
    values with their tolerance. The client keeps one core busy while it measures; run nothing else meanwhile.

    Exit code: 0 every row met, 1 a row missed its tolerance, 2 bad usage, 3 the client or the machine was too
    busy to judge, or the provider or the temporary folder failed, 70 smsbench itself failed, 130 interrupted.
    Ctrl-C keeps the results so far.

    \b
      smsbench calibrate
      smsbench calibrate --quick --only latency,throttle
      smsbench calibrate --profile my-profile.toml
    """
    from loadtests.calibrate import plan, standard
    from loadtests.runner.run_directory import RunDirectoryError, make_run_directory, new_run_directory
    from mock_provider.profiles import ProfileError, load_profile

    if not hasattr(select, "epoll"):
        raise usage_error("calibrate needs Linux: its client uses epoll, and the provider uses a Linux timer")
    groups = [name.strip() for name in only.split(",") if name.strip()] or list(plan.GROUPS)
    unknown = [name for name in groups if name not in plan.GROUPS]
    if unknown:
        raise usage_error(f"--only: {', '.join(unknown)}: the groups are {', '.join(plan.GROUPS)}")
    durations = standard.QUICK if quick else standard.FULL
    try:
        tasks = (
            plan.standard_tasks(durations)
            if profile is None
            else plan.profile_tasks(load_profile(profile), durations)
        )
        if out is None:
            out = new_run_directory("calibration", datetime.now(UTC))
        else:
            make_run_directory(out)
    except (ProfileError, RunDirectoryError) as error:
        raise usage_error(str(error)) from None
    chosen = [task for task in tasks if task.group in groups]
    about = {"profile": profile or "standard", "seed": seed, "quick": quick, "only": groups}
    raise typer.Exit(_run(chosen, about, out, Console()))


def _run(tasks: Sequence[Any], about: dict[str, Any], run_dir: Path, console: Console) -> int:
    from loadtests.calibrate import judge, plan, render, render_png
    from loadtests.calibrate.early_end import EndedEarly
    from loadtests.calibrate.instrument import instrument_of

    total_s = plan.planned(tasks)
    console.print(f"{len(tasks)} measurements, about {_clock(total_s)}", highlight=False)
    _allow_files()
    begun_s = time.monotonic()
    begun_at = datetime.now(UTC)
    found: list[judge.Measurement] = []
    ended = ""
    before = signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup makes a process ignore it
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        with instrument_of(plan.first_profile(), about["seed"]) as instrument:
            for number, task in enumerate(tasks, 1):
                left_s = plan.planned(tasks[number - 1 :]) - plan.START_S
                console.print(
                    f"[{number}/{len(tasks)}] {task.title}, {task.seconds:.0f} s ({_clock(left_s)} left)",
                    highlight=False,
                    markup=False,
                )
                measured = task.measure(instrument)
                instrument.require_sound()
                measurement = judge.excused(measured, instrument.others_share)
                found.append(measurement)
                console.print(render.table_of(measurement.rows))
                if notes := render.notes_of(measurement):
                    console.print(f"  {notes}", style="dim", highlight=False, markup=False)
    except KeyboardInterrupt:
        ended = render.INTERRUPTED
        console.print("interrupted: the results so far are kept", highlight=False)
    except EndedEarly as error:
        typer.echo(f"smsbench: {error}", err=True)
        ended = error.by
    finally:
        signal.signal(signal.SIGTERM, before)
    about |= {"begun": begun_at.isoformat(), "seconds": time.monotonic() - begun_s, "machine": _machine()}
    document = render.document(found, about, len(tasks), ended)
    json_file, png_file = run_dir / "calibration.json", run_dir / "calibration.png"
    json_file.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2))
    for line in document["summary_lines"]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(str(json_file), highlight=False, soft_wrap=True)
    if render_png.write(found, document["summary_lines"], png_file):
        console.print(str(png_file), highlight=False, soft_wrap=True)
    return int(document["exit_code"])


def _interrupt(number: int, frame: FrameType | None) -> None:
    """As Ctrl-C. A closed terminal sends SIGHUP twice (kernel and shell); it counts once."""
    if number == signal.SIGHUP:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    raise KeyboardInterrupt


def _allow_files() -> None:
    """Raise the limit of open files. Every waiting request has a connection here and in the provider, which
    inherits the limit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "load_average": round(os.getloadavg()[0], 2),
    }


def _clock(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
