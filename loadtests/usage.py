"""Command line errors that show the given value, and options that several commands have."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from analysis.exit_codes import ExitCode
from user_input.plain_errors import plain_message

_CLOSE = 0.75
_RENAMED = {
    "--compress": "--speedup",
    "--drain-limit": "--drain-timeout",
    "--second-port": "--backup-port",
    "--through-wire": "--as-bytes",
}

Slo = Annotated[
    list[str] | None,
    typer.Option(
        metavar="OBJECTIVE|@FILE",
        help="Objective instead of the defaults: 'otp.p95<20s'; may be repeated (docs/objectives.md).",
    ),
]
AllowUndecided = Annotated[
    bool,
    typer.Option(
        "--allow-undecided", help="Exit with 0, not 4, if no objective is missed and some are undecided."
    ),
]
ScenarioName = Annotated[
    str,
    typer.Argument(metavar="NAME|FILE.py", help="One of `smsbench list`, or a scenario file of your own."),
]
TargetFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.toml", help="Test your own sender; the file describes its HTTP API (docs/load.md)."
    ),
]
ProfileName = Annotated[
    str | None, typer.Option(metavar="NAME|FILE", help="Provider profile instead of the scenario's own.")
]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Locust worker processes.")]
Seed = Annotated[
    int,
    typer.Option(
        min=0, help="The same seed gives the same arrivals; without --target also the same outcomes."
    ),
]
NoCharts = Annotated[
    bool, typer.Option("--no-charts", help="Write a report without charts; this saves about 2 s.")
]
WindowOption = Annotated[
    Literal["day", "peak"] | None,
    typer.Option(help="Run the whole day, or a slice around its peak (days only)."),
]


def usage_error(text: str) -> typer.Exit:
    """Print the error; return the exception that ends the command with exit code 2."""
    typer.echo(f"smsbench: {text}", err=True)
    return typer.Exit(ExitCode.USAGE)


def warn(text: str) -> None:
    """Print a warning; "" for none."""
    if text:
        typer.echo(f"smsbench: warning: {text}", err=True)


def objectives(given: list[str] | None, classes: Sequence[str] = ()) -> tuple[str, ...]:
    """In canonical form. Ends the program with exit code 2 if one cannot be read, or names another class."""
    from analysis.objectives.grammar import GivenError, read_given

    try:
        return read_given(given or (), classes)
    except GivenError as error:
        raise usage_error(f"--slo:\n{error}") from None


class Command(TyperCommand):
    """A command whose errors show the value, and suggest an option only if it is similar."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _refuse_empty(ctx, args)
        try:
            parsed: list[str] = super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message = _with_its_value(error)
            raise
        except Exception as error:
            given = getattr(error, "option_name", "")  # of an option that does not exist
            if given in _RENAMED:
                ctx.fail(f"{given} is now {_RENAMED[given]}")
            possible = getattr(error, "possibilities", None)
            if possible:
                error.possibilities = get_close_matches(given, possible, cutoff=_CLOSE)  # type: ignore[attr-defined]
            raise
        return parsed


def _refuse_empty(ctx: Any, args: list[str]) -> None:
    """An empty text comes from a variable of the shell that is not set. As a path it would mean the current
    folder, as a name the default.
    """
    for before, each in zip(["", *args], args, strict=False):
        option, equals, value = each.partition("=")
        if each and not (each.startswith("--") and equals and not value):
            continue
        name = (option or before) if (option or before).startswith("--") else "an argument"
        ctx.fail(f"{name} is empty: give a value, or leave it out")


def _with_its_value(error: typer.BadParameter) -> str:
    """Pydantic's errors in Typer do not show the value; the checks of this program do."""
    errors = getattr(error.__cause__, "errors", None)
    if errors is None:
        return error.message
    words = plain_message(error.message)
    given = errors()[0].get("input")
    return words if str(given) in words else f"{given}: {words}"
