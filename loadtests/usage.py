"""Command line errors that show the given value."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperCommand

_CLOSE = 0.75


class Command(TyperCommand):
    """A command whose errors show the value, and suggest an option only if it is similar."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            parsed: list[str] = super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message = _with_its_value(error)
            raise
        except Exception as error:
            possible = getattr(error, "possibilities", None)  # of an option that there is not
            if possible:
                given = getattr(error, "option_name", "")
                error.possibilities = get_close_matches(given, possible, cutoff=_CLOSE)  # type: ignore[attr-defined]
            raise
        return parsed


def _with_its_value(error: typer.BadParameter) -> str:
    """Typer checks values by pydantic and leaves the value out of what it says. Our own checks name it."""
    errors = getattr(error.__cause__, "errors", None)
    if errors is None:
        return error.message
    words = error.message.removeprefix("Value error, ").replace("Input should be", "it should be")
    given = errors()[0].get("input")
    return words if str(given) in words else f"{given}: {words}"
