"""``python -m analysis RUN_DIR``: analyse a run directory and write its report."""

from __future__ import annotations

import io
import os
import sys
import time
import traceback
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer

from analysis.exit_codes import ExitCode, by_interrupt
from analysis.first_screen.screen import first_screen
from analysis.objectives.grammar import GivenError, read_given
from analysis.read.journeys import MalformedRunError
from analysis.records import run_id, write_result
from analysis.render.markdown import terminal_lines
from analysis.report import build_report, possible_classes
from analysis.result import result_of, write_step_summary
from analysis.trial import of_trial


class ExportFormat(StrEnum):
    csv = "csv"
    parquet = "parquet"


def report(
    run_dir: Annotated[Path, typer.Argument(help="A run directory: a directory with a run.json.")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")] = False,
    call: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="An id that is written to report/result.json, so that the caller recognizes its result.",
        ),
    ] = "",
    slo: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OBJECTIVE|@FILE",
            help="Judge by this objective instead of the run's own; may be repeated (docs/objectives.md).",
        ),
    ] = None,
    only_result: Annotated[
        bool, typer.Option("--only-result", help="Write only report/result.json, without page and charts.")
    ] = False,
    export: Annotated[
        ExportFormat | None,
        typer.Option(
            metavar="csv|parquet",
            help="Also write one row for each message, to report/messages.csv or .parquet.",
        ),
    ] = None,
    allow_undecided: Annotated[
        bool,
        typer.Option(
            "--allow-undecided", help="Exit with 0, not 4, if no objective is missed and some are undecided."
        ),
    ] = False,
    no_charts: Annotated[
        bool, typer.Option("--no-charts", help="Draw no charts: text, tables and data only.")
    ] = False,
) -> None:
    """Write the report of a run directory to RUN_DIR/report/.

    Exit code: 0 all objectives met, 1 one missed, 2 bad usage, 3 the run is invalid, 4 undecided, 70 smsbench
    itself failed, 130 the run was interrupted.
    """
    began = time.monotonic()

    def progress(line: str) -> None:
        if not quiet:
            _say(f"[{time.monotonic() - began:5.1f} s] {line}", sys.stderr)

    try:
        run = run_id(run_dir) if (run_dir / "run.json").is_file() else ""
        given = read_given(slo, possible_classes(run_dir)) if slo else ()
        found = build_report(run_dir, progress, given, allow_undecided)
        result = result_of(found, run, call)
        if only_result:
            (run_dir / "report").mkdir(exist_ok=True)
            write_result(run_dir, of_trial(run_dir, found, result))
        else:
            from analysis.render.report_files import write_report  # here: the page's library is loaded

            write_report(found, run_dir / "report", progress, charts=not no_charts)
            if export is not None:
                from analysis.export import write_messages  # here: an export alone needs pandas

                progress("exporting the messages")
                write_messages(run_dir, export.value)
            write_result(run_dir, result)
            warning = write_step_summary(run_dir / "report", os.environ)
            if warning:
                _say(warning, sys.stderr)
    except GivenError as error:
        _say(f"smsbench: --slo:\n{error}", sys.stderr)
        raise typer.Exit(ExitCode.USAGE) from error
    except (MalformedRunError, OSError) as error:
        where = f"{run_dir}: " if isinstance(error, OSError) and error.filename is None else ""
        _say(f"error: {where}{error}", sys.stderr)
        raise typer.Exit(ExitCode.USAGE) from error
    except Exception as error:
        # Python would exit with 1, which here means a missed objective.
        traceback.print_exc()
        _say("error: the analysis itself failed; please report this with the traceback above", sys.stderr)
        raise typer.Exit(ExitCode.CRASHED) from error
    for line in terminal_lines(first_screen(found)):
        _say(line, sys.stdout)
    if not only_result:
        _say(f"report: {run_dir / 'report' / 'index.html'}", sys.stdout)
    raise typer.Exit(found.exit_code)


def _say(text: str, stream: TextIO) -> None:
    """Print a line. A closed output does not end the analysis."""
    try:
        print(text, file=stream, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def main() -> None:
    """``python -m analysis``."""
    # A character that the output cannot encode must not end the analysis.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        typer.run(report)
    except SystemExit as ended:
        if by_interrupt(ended):
            _say("interrupted before the report was complete", sys.stderr)
        raise
